"""Cached completions in a real browser: found, read, compared with a fresh answer, purged, carried out and in; never
shown as HTML."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.client import hello
from tests.live import Live
from tests.loopback import answer, openai_answer
from tests.proxy_site.browser import NEEDED, wider

pytestmark = NEEDED
LIST = "/admin/cache_admin/storedcompletion/"
SCRIPT, IMAGE = "alert(1)", "http://evil.example/x.png"
# https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html, each told apart by its number.
SHAPES = (
    "<script>{s}</script>",
    "<SCRIPT SRC={i}></SCRIPT>",
    "<img src=x onerror={s}>",
    '"><img src={i}>',
    "'><svg/onload={s}>",
    "</pre><script>{s}</script>",
    "</title><script>{s}</script>",
    "</textarea><script>{s}</script>",
    "</style><script>{s}</script>",
    "<iframe src=javascript:{s}></iframe>",
    '<iframe srcdoc="<script>{s}</script>"></iframe>',
    "<a href=javascript:{s}>x</a>",
    "<body onload={s}>",
    "<input autofocus onfocus={s}>",
    "<details open ontoggle={s}>",
    "<video><source onerror={s}></video>",
    "<audio src={i} onerror={s}>",
    "<object data={i}></object>",
    "<embed src={i}>",
    "<link rel=stylesheet href={i}>",
    "<style>@import '{i}';</style>",
    "<div style=background:url({i})>",
    "<meta http-equiv=refresh content='0;url={i}'>",
    "<base href={i}>",
    "<form action={i}><button autofocus>",
    "<marquee onstart={s}>",
    "<math><mtext><script>{s}</script>",
    "<svg><animate onbegin={s} attributeName=x dur=1s>",
    "<svg><use href={i}></svg>",
    "<!--><img src=x onerror={s}>-->",
    "<![CDATA[<script>{s}</script>]]>",
    "<div x-data x-init={s}></div>",
    "<div x-html=\"'<img src=x onerror={s}>'\"></div>",
    "{{{{ 7*7 }}}}<script>{s}</script>",
    "{{% debug %}}<script>{s}</script>",
    "${{alert(1)}}<script>{s}</script>",
    "\\u003cscript\\u003e{s}\\u003c/script\\u003e",
    "&lt;script&gt;{s}&lt;/script&gt;",
    "![x]({i})",
    "[x](javascript:{s}) <http://evil.example>",
)
PAYLOADS = [shape.format(s=SCRIPT, i=IMAGE) for shape in SHAPES]

CLEAR = """
from cache_admin import acts
from cache_admin.models import StoredCompletion
from keys.administration.audit import of_command
acts.purge(list(StoredCompletion.objects.values_list("pk", flat=True)), of_command(), now())
"""


NOTED = """
from cache_admin import acts
from keys.administration.audit import of_command
acts.note([digest], text, of_command())
"""
PROJECT = """
from keys.models import Project
result = Project.objects.create(name=name).pk
"""
GONE = "from keys.models import Project; Project.objects.filter(pk=pk).delete()"


@pytest.fixture
def project(live: Live) -> Iterator[str]:
    """One whose name is two of the payloads."""
    pk = live.python(PROJECT, name=f"{PAYLOADS[2]}{PAYLOADS[3]}")
    yield pk
    live.python(GONE, pk=pk)


@pytest.fixture(autouse=True)
def empty_cache(live: Live) -> Iterator[None]:
    """Once what other tests have asked has landed too, which is within a second of its call."""
    live.manage("ship_usage")
    live.python(CLEAR)
    yield
    live.python(CLEAR)


def kept(live: Live, question: str, said: str) -> str:
    """Asked and cached; its digest."""
    live.upstream.script(answer(openai_answer(said)))
    called = live.chat(hello(temperature=0, messages=[{"role": "user", "content": question}]))
    assert called.headers["x-dragoman-cache"] == "stored"
    return str(live.usage(called.headers["x-request-id"])["cache_digest"])


def landed(live: Live, digest: str) -> str:
    until = time.monotonic() + 5
    while not live.rows("SELECT 1 FROM cache_admin_storedcompletion WHERE digest = %s", digest):
        assert time.monotonic() < until
        live.manage("ship_usage")
    return f"{LIST}{digest}/change/"


def test_an_entry_is_found_by_its_words_read_pinned_and_let_go(page: Page, live: Live) -> None:
    place = landed(live, kept(live, "Which fjord is the longest of Norway?", "The Sognefjord."))
    landed(live, kept(live, "Which lake is the largest of Norway?", "Mjosa."))
    page.goto(LIST)
    page.get_by_placeholder("Words of the prompt").fill("longest fjord")
    page.keyboard.press("Enter")
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Which fjord is the longest")
    row.get_by_role("link").first.click()
    expect(page).to_have_url(f"{live.url}{place}?_changelist_filters=q%3Dlongest%2Bfjord")
    expect(page.locator("pre", has_text="The Sognefjord.").first).to_be_visible()
    page.get_by_text("Raw JSON").first.click()
    expect(page.locator("pre.raw").first).to_contain_text('"temperature": 0')
    page.get_by_label("Note").fill("for the fjord page")
    page.get_by_role("button", name="Keep the note").click()
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    page.get_by_role("button", name="Expire now").click()
    expect(page.get_by_text("Expired.")).to_be_visible()
    page.goto(f"{LIST}?state=pinned")
    expect(row).to_contain_text("pinned, for the fjord page")
    asked = hello(temperature=0, messages=[{"role": "user", "content": "Which fjord is the longest of Norway?"}])
    assert live.chat(asked).headers["x-bt-cached"] == "MISS"


def test_a_fresh_answer_is_compared_and_put_in_the_place_of_the_old_one(page: Page, live: Live) -> None:
    place = landed(live, kept(live, "The capital of Kazakhstan?", "It is Nur-Sultan now."))
    live.upstream.script(answer(openai_answer("It is Astana now.")))
    page.goto(place)
    page.get_by_role("link", name="Ask again and compare").click()
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_text("They differ.")).to_be_visible()
    expect(page.locator("del")).to_have_text("Nur-Sultan ")
    expect(page.locator("ins")).to_have_text("Astana ")
    page.get_by_role("button", name="Replace the cached answer").click()
    expect(page.get_by_text("stands in the place")).to_be_visible()
    expect(page.locator("pre", has_text="It is Astana now.").first).to_be_visible()
    asked = hello(temperature=0, messages=[{"role": "user", "content": "The capital of Kazakhstan?"}])
    hit = live.chat(asked)
    assert (hit.headers["x-bt-cached"], "Astana" in hit.body.decode()) == ("HIT", True)
    live.manage("ship_usage")
    page.goto("/admin/cache_admin/usagerecord/?cache=bypass")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("operator (re-run)")


def test_a_fresh_answer_that_says_the_same_has_no_differences_to_show(page: Page, live: Live) -> None:
    place = landed(live, kept(live, "The capital of Peru?", "It is Lima."))
    live.upstream.script(answer(openai_answer("It is Lima.")))
    page.goto(place.replace("/change/", "/compare/"))
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_text("Both say the same.")).to_be_visible()
    expect(page.get_by_text("What differs")).to_have_count(0)


def test_what_a_filter_finds_is_purged_once_its_number_is_typed(page: Page, live: Live) -> None:
    for number in range(3):
        landed(live, kept(live, f"How much is {number} + {number}?", str(2 * number)))
    page.goto(f"{LIST}?since=1h")
    page.get_by_role("link", name="Purge what is found").click()
    expect(page.get_by_text("3 entries")).to_be_visible()
    page.get_by_label("Type the number of entries").fill("2")
    page.get_by_role("button", name="Purge").click()
    expect(page.get_by_text("There are 3.")).to_be_visible()
    page.get_by_label("Type the number of entries").fill("3")
    page.get_by_role("button", name="Purge").click()
    expect(page.get_by_text("3 completions purged.")).to_be_visible()
    assert live.rows("SELECT 1 FROM cache_admin_storedcompletion") == []


def test_a_cassette_goes_out_by_a_filter_and_in_by_a_file_that_was_checked(
    page: Page, live: Live, project: str
) -> None:
    landed(live, kept(live, "Which fjord is the longest of Norway?", "The Sognefjord."))
    page.goto(f"{LIST}?since=1h")
    page.get_by_role("link", name="Export what is found").click()
    expect(page.get_by_text("1 entry")).to_be_visible()
    with page.expect_download() as sent:
        page.get_by_role("button", name="Export").click()
    assert sent.value.suggested_filename == "completions.jsonl"
    line = sent.value.path().read_bytes()
    assert json.loads(line)["answer"]["choices"][0]["message"]["content"] == "The Sognefjord."
    page.goto(f"{LIST}import/?project={project}")
    upload(page, line + b"nonsense\n", "Import")
    expect(page.get_by_text("line 2: it is no JSON")).to_be_visible()
    upload(page, line, "Check")
    expect(page.get_by_text("The file is good.")).to_be_visible()
    page.get_by_role("button", name="Import").click()  # of the file that was chosen for the check
    expect(page.get_by_text("1 completion imported.")).to_be_visible()
    expect(page.locator("#result_list tbody tr")).to_contain_text("cassette")


def upload(page: Page, lines: bytes, button: str) -> None:
    file = {"name": "lines.jsonl", "mimeType": "application/jsonl", "buffer": lines}
    page.get_by_label("File of JSON lines").set_input_files(files=[file])  # type: ignore[list-item]
    page.get_by_role("button", name=button).click()


def test_nothing_that_was_said_is_shown_as_html(page: Page, live: Live) -> None:
    """The page fixture holds: no dialog, no request elsewhere, no word of the console, which tells CSP violations."""
    place = landed(live, kept(live, "\n".join(PAYLOADS), "\n".join(reversed(PAYLOADS))))
    for payload in PAYLOADS:
        landed(live, kept(live, payload, payload))
    live.upstream.script(answer(openai_answer("\n".join(PAYLOADS[::2]))))
    page.goto(LIST)
    for payload in PAYLOADS:
        expect(page.locator("#result_list").get_by_text(payload[:60], exact=False).first).to_be_visible()
    page.goto(place)
    expect(page.locator("pre.said").first).to_have_text("\n".join(PAYLOADS))
    page.goto(place.replace("/change/", "/compare/"))
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_text("They differ.")).to_be_visible()
    assert page.locator("pre script, pre img, pre iframe, pre svg, pre a, pre style").count() == 0
    assert page.evaluate("document.querySelectorAll('pre :not(del, ins)').length") == 0


def test_nothing_that_somebody_notes_seeks_or_sends_in_a_file_is_shown_as_html(
    page: Page, live: Live, project: str
) -> None:
    """As above; with two of the forty where only a few find room."""
    digest = kept(live, "Which fjord?", "The Sognefjord.")
    place = landed(live, digest)
    said = "".join(PAYLOADS)
    live.python(NOTED, digest=digest, text=said[:1000])
    page.goto(place)
    expect(page.get_by_label("Note")).to_have_value(said[:1000])
    page.goto(LIST)
    expect(page.locator("#result_list")).to_contain_text(said[:60])
    query = f"?q={quote(said)}&model={quote(PAYLOADS[3])}"
    page.goto(f"{LIST}{query}")
    expect(page.get_by_placeholder("Words of the prompt")).to_have_value(said)
    for kind in ("purge", "export"):
        page.goto(f"{LIST}{kind}/{query}")
        for sought in (said, PAYLOADS[3]):
            expect(page.get_by_text(sought, exact=True)).to_be_visible()
    page.goto(f"{LIST}import/?project={project}")
    expect(page.get_by_label("Project")).to_contain_text(PAYLOADS[2])
    for button in ("Check", "Import"):
        upload(page, "\n".join([*PAYLOADS, json.dumps({"endpoint": said, "request": 1, said: 1})]).encode(), button)
        expect(page.get_by_text("line 1: it is no JSON")).to_be_visible()


def test_the_cache_pages_fit_a_phone_and_a_laptop(page: Page, live: Live) -> None:
    place = landed(live, kept(live, "w" * 300, "https://example.com/" + "v" * 300))
    live.upstream.script(answer(openai_answer("Another")))
    beside = [f"{LIST}{name}/" for name in ("purge", "export", "import", "savings", "removals")]
    for path in (LIST, place, *beside, place.replace("/change/", "/compare/")):
        page.goto(path)
        if path.endswith("/compare/"):
            page.get_by_role("button", name="Ask now").click()
            expect(page.get_by_text("They differ.")).to_be_visible()
        assert wider(page) == [], path
