from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from keys import freshness
from keys.administration import admin_access, issuing
from keys.entrance import access
from keys.models import Role
from tests.proxy_api.control.asking import Admin


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Each test begins as a new process would."""
    yield
    freshness.stop()
    access.forget()
    admin_access.forget()


@pytest.fixture
def admin_of(db: None) -> Callable[[Role], Admin]:
    """Somebody with a new admin key of a role."""
    return lambda role: Admin(issuing.issue_admin(f"{role} of the test", role)[1])


@pytest.fixture
def admin(admin_of: Callable[[Role], Admin]) -> Admin:
    return admin_of(Role.ADMIN)
