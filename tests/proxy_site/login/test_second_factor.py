"""A second factor: set up by a user, asked for at the login, taken once, removed by a superuser."""

from __future__ import annotations

import base64
import re
import time

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from keys.models import AuditEntry
from keys.secrecy import resealing, sealing
from proxy_site.login import second_factor, totp
from proxy_site.models import SecondFactor
from tests.proxy_site.login.conftest import Login

pytestmark = pytest.mark.django_db
PAGE = "/admin/second-factor/"


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def code(secret: bytes, step: int = 0) -> str:
    """What the app shows now, or some steps of 30 s later."""
    return totp.generator(secret).generate(int(time.time()) + 30 * step).decode()


def wrong(secret: bytes) -> str:
    """Six digits that are no code of about now."""
    taken = {code(secret, step) for step in (-2, -1, 0, 1, 2)}
    return next(text for text in map("{:06}".format, range(9)) if text not in taken)


@pytest.fixture
def secret(user: User) -> bytes:
    """Of a second factor that is confirmed, by the code before the one of now."""
    found = second_factor.begin(user)
    assert found is not None
    assert second_factor.confirm(user, code(found, -1), time.time())
    return found


def shown_secret(page: str) -> bytes:
    found = re.search(r'id="secret"[^>]*>([A-Z2-7]+)<', page)
    assert found is not None
    return base64.b32decode(found[1])


def test_a_user_sets_up_an_app_and_is_asked_for_its_code(browser: Client, login: Login) -> None:
    page = browser.post(PAGE).content.decode()
    secret = shown_secret(page)
    assert "<svg" in page
    assert login() == 302  # not asked before it is confirmed
    assert browser.post(PAGE, {"code": code(secret)}).status_code == 302
    assert login() == 200
    assert login(code=code(secret, 1)) == 302
    assert AuditEntry.objects.filter(action="second_factor.confirmed", actor="root").count() == 1


def test_the_secret_is_shown_once_and_kept_sealed(browser: Client) -> None:
    secret = shown_secret(browser.post(PAGE).content.decode())
    row = SecondFactor.objects.get()
    assert secret not in bytes(row.sealed)
    written = base64.b32encode(secret)
    for page in (browser.get(PAGE), browser.post(PAGE, {"code": wrong(secret)})):
        assert written not in page.content
        assert b'id="picture"' not in page.content
    assert row.secret() == secret


def test_a_wrong_code_confirms_nothing(browser: Client, login: Login) -> None:
    secret = shown_secret(browser.post(PAGE).content.decode())
    assert b"not the code of this moment" in browser.post(PAGE, {"code": wrong(secret)}).content
    assert SecondFactor.objects.get().confirmed_at is None
    assert login() == 302


def test_a_confirmed_one_cannot_be_begun_again(browser: Client, secret: bytes) -> None:
    assert b'id="secret"' not in browser.post(PAGE).content
    assert SecondFactor.objects.get().secret() == secret


def test_a_code_is_taken_once(secret: bytes, login: Login) -> None:
    now = code(secret)
    assert login(code=now) == 302
    assert login(code=now) == 200
    assert login(code=code(secret, -1)) == 200


def test_a_right_code_with_a_wrong_password_is_not_used_up(secret: bytes, login: Login) -> None:
    assert login(password="wrong", code=code(secret)) == 200
    assert login(code=code(secret)) == 302


def test_wrong_codes_lock_like_wrong_passwords(secret: bytes, login: Login) -> None:
    assert [login(code=wrong(secret)) for _ in range(5)] == [200, 200, 200, 200, 429]
    assert login(code=code(secret)) == 429


def test_it_is_not_said_whether_password_or_code_was_wrong(secret: bytes, user: User) -> None:
    def told(password: str) -> str:
        page = Client().post("/admin/login/", {"username": "root", "password": password, "code": "000000"})
        return re.sub(r'value="[^"]*"', "", page.content.decode())

    assert told("wrong") == told("planted password of root")


def test_a_superuser_removes_one_and_the_password_opens_again(secret: bytes, login: Login) -> None:
    other = User.objects.create_superuser("other")
    client = Client()
    client.force_login(other)
    row = SecondFactor.objects.get()
    client.post(reverse("admin:proxy_site_secondfactor_delete", args=[row.pk]), {"post": "yes"})
    assert login() == 302
    entry = AuditEntry.objects.get(action="second_factor.deleted")
    assert (entry.actor, entry.target_name) == ("other", "second factor of root")


def test_the_command_removes_one(secret: bytes, login: Login) -> None:
    call_command("remove_second_factor", "root", verbosity=0)
    assert login() == 302
    assert AuditEntry.objects.get(action="second_factor.deleted").actor_kind == "command"
    with pytest.raises(CommandError):
        call_command("remove_second_factor", "root")


def test_one_that_does_not_open_lets_nobody_in(secret: bytes, login: Login) -> None:
    SecondFactor.objects.update(sealed=b"\x01damaged")
    assert login(code=code(secret)) == 200


def test_a_new_master_key_reseals_it(secret: bytes, login: Login, settings: Settings) -> None:
    settings.DRAGOMAN_MASTER_KEYS = ("a new master key of more than 32 characters", *settings.DRAGOMAN_MASTER_KEYS)
    assert resealing.reseal("second factors") == 1
    assert sealing.ring().is_newest(bytes(SecondFactor.objects.get().sealed))
    assert login(code=code(secret)) == 302
