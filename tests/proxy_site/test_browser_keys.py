"""A key in a real browser: issued with a budget, copied, rotated, reset, disabled; and every page of its kind."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.client import hello
from tests.live import Live
from tests.loopback import answer, openai_answer
from tests.proxy_site.browser import NEEDED, becomes, status, wider

pytestmark = NEEDED
KEY = "A key with a budget"
PAGES = (
    "keys/virtualkey/add",
    "keys/project",
    "keys/project/add",
    "keys/installationlimits/1/change",
    "keys/tokenissuer",
    "keys/tokenissuer/add",
    "keys/adminkey",
    "keys/adminkey/add",
)


def issue(page: Page, requests: int) -> str:
    """With a budget of so many requests a month; the secret."""
    page.goto("/admin/keys/virtualkey/add/")
    page.get_by_label("Name").fill(KEY)
    page.get_by_label("Tags").fill("browser")
    page.get_by_text("What it may call").click()
    page.get_by_label("Networks").fill("127.0.0.0/8")
    page.get_by_role("link", name="Add another Budget").click()
    page.locator("[name=budgets-0-amount]").fill(str(requests))
    page.locator("[name=budgets-0-unit]").select_option("requests")
    page.get_by_role("button", name="Issue the key").click()
    return page.locator("#issued-secret").inner_text()


def copied(page: Page) -> str:
    """What the first button of a page copies; afterwards it says so."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def act(page: Page, name: str, yes: str) -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name=yes).click()


def test_a_key_is_issued_with_a_budget_rotated_reset_and_disabled(page: Page, live: Live) -> None:
    live.upstream.script(answer(openai_answer("Hello")))
    old = issue(page, requests=1)
    assert copied(page) == old
    assert [status(live, old), status(live, old)] == [200, 429]
    page.get_by_role("link", name="Look at the key").click()
    expect(page.get_by_text("1 requests of 1 requests a month")).to_be_visible()
    act(page, "Reset a budget", "Yes, reset")
    expect(page.get_by_text("0 requests of 1 requests a month")).to_be_visible()
    assert becomes(live, old, 200)
    page.get_by_role("link", name="Rotate").click()
    page.get_by_label("1 hour").check()
    page.get_by_role("button", name="Rotate the key").click()
    new = page.locator("#issued-secret").inner_text()
    assert new != old
    assert [status(live, new), status(live, old)] == [429, 429]  # known, both: the budget is used up again
    page.get_by_role("link", name="Look at the key").click()
    act(page, "Disable", "Yes, disable")
    expect(page.get_by_role("link", name="Enable")).to_be_visible()
    assert becomes(live, new, 401)


def test_a_key_is_duplicated_found_by_its_tag_and_its_calls_are_shown(page: Page, live: Live) -> None:
    live.upstream.script(answer(openai_answer("Hello")))
    token = issue(page, requests=5)
    called = live.chat(hello(), authorization=f"Bearer {token}")
    live.usage(called.headers["x-request-id"])
    page.get_by_role("link", name="Look at the key").click()
    page.get_by_role("link", name="Usage and cost").click()
    expect(page.locator(f"a[href*='{called.headers['x-request-id']}']")).to_be_visible()
    page.get_by_role("link", name="The key").click()
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("Name")).to_have_value(f"{KEY} (copy)")
    page.get_by_role("button", name="Issue the key").click()
    assert page.locator("#issued-secret").inner_text() != token
    page.goto("/admin/keys/virtualkey/?tag=browser&q=(copy)")
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("0 requests of 5 requests a month")


def test_the_pages_of_keys_fit_a_phone_and_a_laptop(page: Page) -> None:
    issue(page, requests=5)
    page.get_by_role("link", name="Look at the key").click()
    key = re.search(r"/virtualkey/([^/]+)/", page.url)
    assert key is not None
    acts = (f"keys/virtualkey/{key[1]}/{name}" for name in ("change", "rotate", "reset_budgets", "disable"))
    for path in (*PAGES, *acts, f"cache_admin/usagerecord/of/key/{key[1]}"):
        page.goto(f"/admin/{path}/")
        assert wider(page) == [], path
