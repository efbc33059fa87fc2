"""The admin as an operator uses it, in a real browser before the live server."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.client import hello
from tests.live import Live
from tests.loopback import answer, openai_answer
from tests.proxy_site.browser import NEEDED, becomes, wider

KEY = "The browser's key"
HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x.png" onerror="alert(2)"></pre><h1>owned</h1>'
ANSWERED = '"><svg onload=alert(3)><script src="//evil.example/x.js"></script>'
SIDE_BAR = (
    "Dashboard",
    "Keys",
    "Credentials",
    "Usage log",
    "Cached completions",
    "Prices",
    "Users",
    "Groups",
    "Second factors",
    "Audit log",
)
PAGES = (
    "keys/virtualkey",
    "keys/providercredential",
    "keys/providercredential/add",
    "cache_admin/usagerecord",
    "cache_admin/storedcompletion",
    "cache_admin/price",
    "proxy_api/alias",
    "proxy_api/catalogmodel",
    "auth/user",
    "auth/group",
    "proxy_site/secondfactor",
    "keys/auditentry",
    "second-factor",
)

pytestmark = NEEDED


def issue_a_key(page: Page) -> str:
    """Through the form; the secret, as it is shown once."""
    page.goto("/admin/")
    page.get_by_role("link", name="Keys").first.click()
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_label("Name").fill(KEY)
    page.get_by_role("button", name="Issue the key").click()
    secret = page.locator("#issued-secret").inner_text()
    for snippet in ("environment", "curl", "python"):
        expect(page.locator(f"#issued-{snippet}")).to_contain_text(secret)
    return secret


def reload_without_the_secret(page: Page, secret: str) -> None:
    page.reload()
    expect(page.get_by_text("its secret is not shown again")).to_be_visible()
    assert secret not in page.content()


def find_the_call(page: Page, request_id: str) -> None:
    """In the usage log, by its request id; ends on the call's own page."""
    page.get_by_role("link", name="Usage log").first.click()
    page.get_by_placeholder("Request id").fill(request_id)
    page.keyboard.press("Enter")
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    for shown in (KEY, "openai/gpt-4o-mini", "19 / 10", "stored"):
        expect(row).to_contain_text(shown)
    row.get_by_role("link").first.click()
    expect(page.get_by_text(request_id).first).to_be_visible()


def read_the_completion(page: Page) -> None:
    """From the call's page; ends there again."""
    page.get_by_role("link", name="The cached completion").click()
    for text in (HOSTILE, ANSWERED):
        expect(page.locator("pre").filter(has_text=text).first).to_be_visible()
    assert page.locator("h1", has_text="owned").count() == 0
    page.get_by_role("link", name="Its calls in the usage log").click()
    page.locator("#result_list tbody tr").get_by_role("link").first.click()


def revoke_the_key(page: Page) -> None:
    """From the call's page."""
    page.get_by_role("link", name="The key", exact=True).click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Yes, revoke").click()
    expect(page.get_by_text("revoked").first).to_be_visible()


def test_a_key_is_issued_used_seen_in_the_log_and_revoked(page: Page, live: Live) -> None:
    live.upstream.script(answer(openai_answer(ANSWERED)))
    secret = issue_a_key(page)
    reload_without_the_secret(page, secret)
    assert live.rows("SELECT count(*) FROM keys_virtualkey WHERE name = %s", KEY) == [{"count": 1}]
    asked = hello(temperature=0, messages=[{"role": "user", "content": HOSTILE}])
    called = live.chat(asked, authorization=f"Bearer {secret}")
    assert (called.status, called.headers["x-dragoman-cache"]) == (200, "stored")
    live.usage(called.headers["x-request-id"])
    find_the_call(page, called.headers["x-request-id"])
    read_the_completion(page)
    revoke_the_key(page)
    assert becomes(live, secret, 401)


def test_every_page_for_people_loads_from_here_alone(page: Page) -> None:
    page.goto("/admin/")
    expect(page.get_by_text("Last 24 hours")).to_be_visible()
    shown = page.locator("#nav-sidebar-inner, nav, aside").first.inner_text()
    places = [shown.find(title) for title in SIDE_BAR]
    assert -1 not in places
    assert places == sorted(places)
    for path in PAGES:
        page.goto(f"/admin/{path}/")
        expect(page.get_by_role("link", name="Dashboard").first).to_be_visible()
    for path in ("/", "/docs/"):
        page.goto(path)
        expect(page.get_by_role("heading", name="Dragoman").first).to_be_visible()


def test_no_page_is_wider_than_a_phone_or_a_laptop(page: Page, live: Live) -> None:
    error = {"message": "gone; see https://provider.example/" + "deprecations/" * 9, "type": "invalid_request_error"}
    live.upstream.script(answer({"error": error}, 404))
    called = live.chat(hello()).headers["x-request-id"]
    live.usage(called)
    paths = ("", "keys/virtualkey/add/", "auth/group/add/", f"cache_admin/usagerecord/{called}/change/")
    for path in paths:
        page.goto(f"/admin/{path}")
        assert wider(page) == [], path
