"""What each role may do at each address: what a table says, and nothing that it does not say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keys.models import Role
from proxy_api.control.urls import urlpatterns
from proxy_api.control.views import ControlView
from tests.proxy_api.control.asking import Admin, ask

ROLES = {"A": Role.ADMIN, "K": Role.KEY_MANAGER, "L": Role.LOG_READER, "B": Role.BODY_READER}
# Address -> method -> the first letters of the roles that may. All others get 403.
MAY = {
    "keys": {"GET": "AKLB", "POST": "AK"},
    "keys/x": {"GET": "AKLB", "PATCH": "AK"},
    "keys/x/rotate": {"POST": "AK"},
    "keys/x/revoke": {"POST": "AK"},
    "admin_keys": {"GET": "A", "POST": "A"},
    "admin_keys/x/revoke": {"POST": "A"},
    "projects": {"GET": "AK", "POST": "AK"},
    "projects/x": {"GET": "AK", "PATCH": "AK"},
    "budgets": {"GET": "AK", "POST": "AK"},
    "budgets/x": {"GET": "AK", "PATCH": "AK", "DELETE": "A"},
    "budgets/x/reset": {"POST": "AK"},
    "limits": {"GET": "A", "PATCH": "A"},
    "credentials": {"GET": "AK", "POST": "A"},
    "credentials/x": {"GET": "AK", "PATCH": "A", "DELETE": "A"},
    "credentials/x/test": {"POST": "A"},
    "issuers": {"GET": "AK", "POST": "AK"},
    "issuers/x": {"GET": "AK", "PATCH": "AK", "DELETE": "A"},
    "aliases": {"GET": "A", "POST": "A"},
    "aliases/x": {"GET": "A", "PATCH": "A", "DELETE": "A"},
    "prices": {"GET": "ALB", "POST": "A"},
    "prices/x": {"GET": "ALB", "PATCH": "A", "DELETE": "A"},
    "usage": {"GET": "AKLB"},
    "usage/summary": {"GET": "AKLB"},
    "usage/x": {"GET": "AKLB"},
    "usage/x/bodies": {"GET": "AB"},
    "completions": {"GET": "AKLB"},
    "completions/export": {"GET": "AB"},
    "completions/import": {"POST": "A"},
    "completions/purge": {"POST": "A"},
    "completions/removals": {"GET": "AKLB"},
    "completions/x": {"GET": "AKLB", "PATCH": "A", "DELETE": "A"},
    "completions/x/bodies": {"GET": "AB"},
    "completions/x/expire": {"POST": "A"},
    "audit": {"GET": "A"},
}
PERMITTED = (200, 400, 404)  # of an id that there is not, and of an empty body


@pytest.mark.parametrize("letter", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(admin_of: Callable[[Role], Admin], letter: str) -> None:
    caller = admin_of(ROLES[letter])
    for path, methods in MAY.items():
        for method in ("GET", "POST", "PATCH", "DELETE", "PUT"):
            status = caller.ask(method, path, {} if method in ("POST", "PATCH") else None).status
            expected = PERMITTED if letter in methods.get(method, "") else (403,) if method in methods else (405,)
            assert status in expected, (method, path, status)


@pytest.mark.django_db
def test_without_a_key_no_method_of_any_address_says_more_than_401() -> None:
    for path in MAY:
        for method in ("GET", "POST", "PATCH", "DELETE", "PUT"):
            assert ask(method, path).status == 401, (method, path)


def test_the_table_has_every_address() -> None:
    described = {str(pattern.pattern).removeprefix("^v1/admin/").removesuffix("/?$") for pattern in urlpatterns}
    assert described == {path.replace("/x", "/(?P<id>[^/]+)") for path in MAY}


def test_a_method_without_a_right_is_nobodys(admin: Admin) -> None:
    class Open(ControlView):
        def get(self, request: object) -> None:
            raise AssertionError("nobody may come here")

    from django.test import RequestFactory

    request = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {admin.token}")
    assert Open.as_view()(request).status_code == 403
