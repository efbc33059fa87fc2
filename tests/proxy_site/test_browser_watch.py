"""What the tests of pages in a browser stand on: whatever is wrong with a page is noted, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.loopback import Upstream, answer, close, hang
from tests.proxy_site.browser import NEEDED, watch

pytestmark = NEEDED
HTML = "text/html; charset=utf-8"
POLICY = [("Content-Security-Policy", "style-src 'self'")]
HEAD = '<link rel="icon" href="data:,">'  # none is asked for
FAULTS = {
    "<script>alert('mine')</script>": "dialog: mine",
    "<script>console.error('broken')</script>": "console: broken",
    "<script>console.warn('odd')</script>": "console: odd",
    "<script>nobody()</script>": "script: nobody is not defined",
    "<style>h1 { color: red }</style>": "console: Applying inline style violates",
    "<img src=/refused>": "403: {ours}/refused",
    "<img src=/broken>": "500: {ours}/broken",
    "<img src=/ends>": "failed: {ours}/ends net::ERR_EMPTY_RESPONSE",
    "<img src={other}/x>": "foreign: {other}/x",
}


@pytest.fixture
def site() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script(answer(f"{HEAD}<h1>Hello</h1>", content_type=HTML))
        upstream.script(answer("", 403), path="/refused")
        upstream.script(answer("", 500), path="/broken")
        upstream.script(close, path="/ends")
        upstream.script(hang, path="/hangs")
        yield upstream


@pytest.fixture
def tab(chromium: Browser, site: Upstream, noted: list[str]) -> Iterator[Page]:
    page = chromium.new_page(base_url=site.url)
    watch(page, site.url, noted)
    yield page
    page.close()


def open_page(tab: Page, site: Upstream, body: str) -> None:
    """A page with this in it, until its document stands: what is in it may hang."""
    site.script(answer(HEAD + body, headers=POLICY, content_type=HTML), path="/page")
    tab.goto("/page", wait_until="domcontentloaded")


def other(site: Upstream) -> str:
    """The same server by another name is another host to a browser."""
    return f"http://localhost:{site.port}"


def missing(wanted: list[str], noted: list[str]) -> list[str]:
    return [start for start in wanted if not any(one.startswith(start) for one in noted)]


def test_whatever_is_wrong_with_a_page_is_noted(tab: Page, site: Upstream, noted: list[str]) -> None:
    wanted = [told.format(ours=site.url, other=other(site)) for told in FAULTS.values()]
    open_page(tab, site, "".join(FAULTS).replace("{other}", other(site)))
    for _ in range(500):
        if not missing(wanted, noted):
            break
        tab.wait_for_timeout(20)
    assert missing(wanted, noted) == []


def test_what_a_page_still_loads_when_it_is_left_is_no_fault_where_it_is_ours(
    tab: Page, site: Upstream, noted: list[str]
) -> None:
    given_up: list[str] = []
    tab.on("requestfailed", lambda sent: given_up.append(f"{sent.url} {sent.failure}"))
    open_page(tab, site, f"<script async src=/hangs></script><img src={other(site)}/hangs>")
    assert site.wait_until(lambda: [call.path for call in site.calls].count("/hangs") == 2, 10)
    tab.goto("/")
    assert sorted(given_up) == [f"{place}/hangs net::ERR_ABORTED" for place in (site.url, other(site))]
    assert noted == [f"foreign: {other(site)}/hangs", f"failed: {other(site)}/hangs net::ERR_ABORTED"]
