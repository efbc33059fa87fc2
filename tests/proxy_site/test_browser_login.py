"""Logging in with a real browser: what a role is shown, a second factor, and too many failures."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from proxy_site.login import totp
from tests.live import Live
from tests.proxy_site.browser import NEEDED, PASSWORD, fill_in, log_in

pytestmark = [NEEDED, pytest.mark.usefixtures("operator", "reader", "unlocked")]
READER = """
from django.contrib.auth.models import Group, User
user = User.objects.create_user('reader', password=password, is_staff=True)
user.groups.add(Group.objects.get(name='Log readers'))
"""
GONE = "from django.contrib.auth.models import User; User.objects.filter(username='reader').delete()"
UNLOCKED = "from axes.models import AccessAttempt; AccessAttempt.objects.all().delete()"


@pytest.fixture(scope="module")
def reader(running_server: Live) -> Iterator[None]:
    running_server.python(READER, password=PASSWORD)
    yield
    running_server.python(GONE)


@pytest.fixture
def unlocked(live: Live) -> Iterator[None]:
    """All browsers of the run come from one address."""
    yield
    live.python(UNLOCKED)


def log_out(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/admin/")


def test_a_log_reader_sees_the_logs_and_no_way_to_change_anything(stranger: Page) -> None:
    log_in(stranger, "reader")
    side_bar = stranger.locator("#nav-sidebar-inner, nav, aside").first
    for name in ("Keys", "Usage log", "Cached completions", "Prices"):
        expect(side_bar.get_by_role("link", name=name).first).to_be_visible()
    for name in ("Credentials", "Users", "Groups", "Audit log"):
        expect(side_bar.get_by_role("link", name=name)).to_have_count(0)
    stranger.get_by_role("link", name="Keys").first.click()
    expect(stranger.get_by_role("link", name="Issue a key")).to_have_count(0)
    stranger.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    expect(stranger.get_by_role("button", name="Save")).to_have_count(0)


def test_a_second_factor_is_set_up_from_the_picture_and_then_asked_for(stranger: Page) -> None:
    log_in(stranger, "reader")
    stranger.goto("/admin/second-factor/")
    stranger.get_by_role("button", name="Set up an app").click()
    expect(stranger.locator("#picture svg")).to_be_visible()
    secret = base64.b32decode(stranger.locator("#secret").inner_text())
    stranger.get_by_label("Code that the app shows").fill(code(secret))
    stranger.get_by_role("button", name="Confirm").click()
    expect(stranger.get_by_text("From now on the login asks for a code")).to_be_visible()
    log_out(stranger)
    fill_in(stranger, "reader", PASSWORD)
    expect(stranger.get_by_text("Name, password or code is wrong")).to_be_visible()
    log_in(stranger, "reader", code(secret, later=30))


def code(secret: bytes, later: int = 0) -> str:
    return totp.generator(secret).generate(int(time.time()) + later).decode()


def test_the_sixth_login_is_refused_whatever_it_says(stranger: Page, noted: list[str], live: Live) -> None:
    for _ in range(4):
        fill_in(stranger, "operator", "wrong")
        expect(stranger.get_by_text("Name, password or code is wrong")).to_be_visible()
    fill_in(stranger, "operator", "wrong")
    locked = stranger.get_by_text("Too many logins have failed. Try again in 15 minutes.")
    expect(locked).to_be_visible()
    stranger.goto("/admin/")
    fill_in(stranger, "operator", PASSWORD)
    expect(locked).to_be_visible()
    assert live.chat({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}).status == 200
    assert all("429" in one for one in noted)
    noted.clear()
