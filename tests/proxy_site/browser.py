"""A real browser before the live server. Beside what is on the pages: whatever the browser had to complain about, and
every host that it was sent to."""

from __future__ import annotations

import shutil
import time
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.client import hello
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
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE = 30_000  # ms; others may be using the machine, and no test here is about a page's time
expect.set_options(timeout=PATIENCE)


def watch(tab: Page, url: str, noted: list[str]) -> None:
    """Note what no page of the server at `url` may cause: dialogs, errors and warnings in the console (violations of
    the Content-Security-Policy are told there), scripts that fail, answers above 399, requests that fail, requests to
    other hosts."""
    ours = urlsplit(url).netloc

    def failed(sent: Request) -> None:
        if not given_up(sent, ours):
            noted.append(f"failed: {sent.url} {sent.failure}")

    tab.on("dialog", lambda dialog: (noted.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("console", lambda said: noted.append(f"console: {said.text}") if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: noted.append(f"script: {error}"))
    tab.on("requestfailed", failed)
    tab.on("response", lambda came: noted.append(f"{came.status}: {came.url}") if came.status >= 400 else None)
    tab.on("request", lambda sent: noted.append(f"foreign: {sent.url}") if host(sent.url) not in ("", ours) else None)


def given_up(sent: Request, ours: str) -> bool:
    """Whether the browser itself let go of a request to us, as it does where its page is left or closed meanwhile:
    ERR_ABORTED (https://source.chromium.org/chromium/chromium/src/+/main:net/base/net_error_list.h). A server or a
    network that fails has other names there, and a script that is refused is told in the console."""
    return sent.failure == "net::ERR_ABORTED" and host(sent.url) == ours


def host(url: str) -> str:
    """Empty for data: and blob:, which leave for nowhere."""
    return urlsplit(url).netloc


def log_in(page: Page, user: str = "operator", code: str = "") -> None:
    fill_in(page, user, PASSWORD, code)
    expect(page.get_by_role("link", name="Dashboard").first).to_be_visible()


def fill_in(page: Page, user: str, password: str, code: str = "") -> None:
    """Send the form of the login page, which is open, until the answer is there: the same page once more, often."""
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Code").fill(code)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def wider(page: Page) -> list[tuple[str, int]]:
    """The colour schemes and widths (CSS pixels of a phone, of a laptop) in which the open page is wider than that."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append((scheme, width))
    return found


def status(live: Live, token: str) -> int:
    """Of a call with this key."""
    return live.chat(hello(), authorization=f"Bearer {token}").status


def becomes(live: Live, token: str, wanted: int) -> bool:
    """Soon. That every process knows it within a second is tried where the machine's load can be told from ours."""
    until = time.monotonic() + 10
    while (found := status(live, token)) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found == wanted
