"""A tab before the live server, and who logs in there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.live import Live
from tests.proxy_site.browser import CHROMIUM, FLAGS, PASSWORD, watch


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


@pytest.fixture
def page(live: Live, noted: list[str]) -> Iterator[Page]:
    """A tab at the login page; at the end nothing was noted."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        tab = browser.new_page(base_url=live.url)
        tab.set_default_timeout(10_000)
        watch(tab, live, noted)
        tab.goto("/admin/")
        yield tab
        tab.wait_for_timeout(100)  # for what a page would do a moment after it was loaded
        browser.close()
    assert noted == []
