"""A real browser before the live server. Beside what is on the pages: whatever the browser had to complain about, and
every host that it was sent to."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.live import Live

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
PASSWORD = "correct horse battery staple"


def watch(tab: Page, live: Live, noted: list[str]) -> None:
    ours = urlsplit(live.url).netloc
    tab.on("dialog", lambda dialog: (noted.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("console", lambda said: noted.append(f"console: {said.text}") if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: noted.append(f"script: {error}"))
    tab.on("requestfailed", lambda sent: noted.append(f"failed: {sent.url} {sent.failure}"))
    tab.on("response", lambda came: noted.append(f"{came.status}: {came.url}") if came.status >= 400 else None)
    tab.on("request", lambda sent: noted.append(f"foreign: {sent.url}") if host(sent.url) not in ("", ours) else None)


def host(url: str) -> str:
    """Empty for data: and blob:, which leave for nowhere."""
    return urlsplit(url).netloc


def log_in(page: Page, user: str = "operator", code: str = "") -> None:
    fill_in(page, user, PASSWORD, code)
    expect(page.get_by_role("link", name="Dashboard").first).to_be_visible()
    page.wait_for_load_state()  # leaving sooner would abort what the page still loads


def fill_in(page: Page, user: str, password: str, code: str = "") -> None:
    """Send the form of the login page, which is open."""
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Log in").click()
