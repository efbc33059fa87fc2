"""A tab before the live server, and who logs in there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.live import Live
from tests.proxy_site.browser import CHROMIUM, FLAGS, PASSWORD, PATIENCE, log_in, watch


@pytest.fixture(scope="module")
def operator(running_server: Live) -> Iterator[None]:
    users = "from django.contrib.auth.models import User; "
    running_server.python(f"{users}User.objects.create_superuser('operator', '', password)", password=PASSWORD)
    yield
    running_server.python(f"{users}User.objects.filter(username='operator').delete()")


@pytest.fixture
def noted() -> list[str]:
    """What no page may cause: dialogs, errors in the console, failed requests, requests to other hosts."""
    return []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a tab. Not for the whole run: while it is there Django's ORM takes the thread for an event
    loop's, and refuses to work in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def watched(tab: Page, live: Live, noted: list[str]) -> Iterator[Page]:
    """A tab for the length of a block; at its end nothing was noted."""
    tab.set_default_timeout(PATIENCE)
    watch(tab, live.url, noted)
    yield tab
    tab.wait_for_load_state()
    tab.wait_for_timeout(100)  # for what a page would do a moment after it was loaded
    tab.close()
    assert noted == []


@pytest.fixture
def stranger(chromium: Browser, live: Live, noted: list[str]) -> Iterator[Page]:
    """A tab at the login page, with cookies and a cache of its own."""
    with watched(chromium.new_page(base_url=live.url), live, noted) as tab:
        tab.goto("/admin/")
        yield tab


@pytest.fixture(scope="module")
def office(chromium: Browser, running_server: Live, operator: None) -> BrowserContext:
    """Where the operator has logged in: one set of cookies, one cache."""
    context = chromium.new_context(base_url=running_server.url)
    with watched(context.new_page(), running_server, []) as tab:
        tab.goto("/admin/")
        log_in(tab)
    return context


@pytest.fixture
def page(office: BrowserContext, live: Live, noted: list[str]) -> Iterator[Page]:
    """A tab of the operator's."""
    with watched(office.new_page(), live, noted) as tab:
        yield tab
