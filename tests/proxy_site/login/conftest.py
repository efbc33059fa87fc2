"""A user who logs in through the form, as a browser does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "planted password of root"
Login = Callable[..., int]


@pytest.fixture
def user() -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def login(user: User) -> Login:
    """Send the form from an address; the answer's status: 302 in, 200 refused, 429 locked."""

    def send(name: str = "root", password: str = PASSWORD, code: str = "", address: str = "192.0.2.1") -> int:
        form = {"username": name, "password": password, "code": code}
        return Client().post("/admin/login/", form, REMOTE_ADDR=address).status_code

    return send
