"""Who may come in: Django's own check of name and password, and then the code."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from proxy_site.login import second_factor


class OperatorBackend(ModelBackend):
    """A wrong code is a failed login like a wrong password: Django tells django-axes of both in the same way."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **given: Any
    ) -> Any:
        code = str(given.pop("code", ""))
        user = super().authenticate(request, username, password, **given)
        if not isinstance(user, User) or second_factor.passes(user, code, time.time()):
            return user
        return None
