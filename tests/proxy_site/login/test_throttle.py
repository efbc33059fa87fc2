"""Five failures, and the sixth login is refused whatever it says: of that user, and from that address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from keys.models import AuditEntry
from proxy_site.login.noted import UNKNOWN
from tests.proxy_site.login.conftest import PASSWORD, Login

pytestmark = pytest.mark.django_db


def fail(login: Login, times: int, **given: str) -> list[int]:
    return [login(**{"password": "wrong", **given}) for _ in range(times)]


def test_a_user_is_locked_from_every_address_after_five_failures(login: Login) -> None:
    assert [fail(login, 1, address=f"192.0.2.{number}") for number in range(10, 14)] == [[200]] * 4
    assert login(address="192.0.2.1") == 302
    assert fail(login, 1, address="192.0.2.14") == [429]
    assert login(address="192.0.2.99") == 429


def test_an_address_is_locked_for_every_user_after_five_failures(login: Login) -> None:
    User.objects.create_superuser("other", password=PASSWORD)
    assert [login(name, "wrong") for name in ("a", "b", "c", "d", "e")] == [200, 200, 200, 200, 429]
    assert login("other") == 429
    assert login("other", address="192.0.2.2") == 302


def test_a_name_of_nobody_is_locked_like_one_of_somebody(login: Login) -> None:
    for number in range(5):
        login("nobody", "wrong", address=f"192.0.2.{number}")
    assert login("nobody", "wrong", address="192.0.2.200") == 429
    assert login("somebody else", "wrong", address="192.0.2.201") == 200


def test_after_fifteen_minutes_the_right_password_opens_again(login: Login) -> None:
    fail(login, 5)
    assert login() == 429
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=15))
    assert login() == 302


def test_tries_while_locked_do_not_prolong_it_nor_fill_the_log(login: Login) -> None:
    fail(login, 5)
    before = list(AccessAttempt.objects.values_list("attempt_time", "failures_since_start"))
    fail(login, 3)
    assert list(AccessAttempt.objects.values_list("attempt_time", "failures_since_start")) == before
    assert AuditEntry.objects.count() == 6


def test_the_locked_read_a_plain_sentence_on_a_page_of_ours(user: User, login: Login) -> None:
    fail(login, 5)
    page = Client().post("/admin/login/", {"username": "root", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "900")
    assert b"Too many logins have failed. Try again in 15 minutes." in page.content
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_audit_log_tells_of_failures_and_the_lock(login: Login) -> None:
    fail(login, 5)
    told = [(one.action, one.actor, one.address) for one in AuditEntry.objects.order_by("id")]
    assert told == [("login.failed", "root", "192.0.2.1")] * 5 + [("login.locked", "root", "192.0.2.1")]


def test_a_password_typed_as_the_name_is_kept_nowhere(login: Login) -> None:
    login(name=PASSWORD, password=PASSWORD)
    assert [one.actor for one in AuditEntry.objects.all()] == [UNKNOWN]
    kept = repr(list(AccessAttempt.objects.values()))
    assert PASSWORD not in kept
    assert "nobody:" in kept


def test_logging_in_and_out_is_noted_with_the_address(user: User) -> None:
    browser = Client(REMOTE_ADDR="192.0.2.5")
    browser.post("/admin/login/", {"username": "root", "password": PASSWORD})
    browser.post("/admin/logout/")
    told = [(one.action, one.actor, one.address) for one in AuditEntry.objects.order_by("id")]
    assert told == [("login.succeeded", "root", "192.0.2.5"), ("logout", "root", "192.0.2.5")]


@pytest.mark.parametrize("address", ["", "unix:", "not an address"])
def test_a_client_without_an_address_is_counted_all_the_same(login: Login, address: str) -> None:
    assert fail(login, 5, address=address)[-1] == 429
    assert login("nobody", "wrong", address=address) == 429


def test_names_with_a_nul_are_refused_and_no_more(login: Login) -> None:
    assert login("ro\x00ot", "wrong") == 200
