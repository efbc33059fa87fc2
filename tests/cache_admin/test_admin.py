"""The admin pages: newest first by key, never counting, stored text as text, bodies for who may read them."""

from __future__ import annotations

import html
import json
import re
import time
from decimal import Decimal

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cache_admin import shown
from cache_admin.dashboard import last_day, recent_failures
from cache_admin.models import Price, StoredCompletion, UsageRecord
from keys.administration import issuing
from keys.models import AuditEntry
from tests.cache_admin.entries import cached, calls, listed, page, staff

pytestmark = pytest.mark.django_db(transaction=True)
USAGE = reverse("admin:cache_admin_usagerecord_changelist")
COMPLETIONS = reverse("admin:cache_admin_storedcompletion_changelist")
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "{{ 7*7 }}{% debug %}",
    "</pre></textarea><iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1) x-data x-init=alert(1)>",
)


@pytest.fixture
def client() -> Client:
    """The first admin, logged in."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def test_the_usage_log_is_newest_first_and_pages_by_key(client: Client) -> None:
    made = calls(120)
    url, seen = USAGE, []
    for _ in range(3):
        text = page(client, url)
        seen += listed(text, "usagerecord")
        following = re.search(r'href="([^"]+)" rel="next"', text)
        url = USAGE + html.unescape(following[1]) if following else ""
    assert seen == sorted(made, reverse=True)
    assert url == ""


def test_a_row_that_comes_meanwhile_shifts_no_page(client: Client) -> None:
    made = calls(60)
    following = re.search(r'href="([^"]+)" rel="next"', page(client, USAGE))
    calls(5)
    assert following is not None
    assert listed(page(client, USAGE + html.unescape(following[1])), "usagerecord") == sorted(made)[9::-1]


@pytest.mark.parametrize("after", ["rubbish", "", "'--", "\x00", "2026-01-01_x_y", "2026-01-01_a"])
def test_a_place_that_is_none_shows_the_first_page(client: Client, after: str) -> None:
    made = calls(1)
    digest = cached()
    assert listed(client.get(USAGE, {"after": after}).content.decode(), "usagerecord") == made
    assert listed(client.get(COMPLETIONS, {"after": after}).content.decode(), "storedcompletion") == [digest]


def test_no_list_page_counts_a_table_or_reads_it_whole(client: Client) -> None:
    calls(3)
    cached()
    for url in (USAGE, f"{USAGE}?status=ok&since=24h", COMPLETIONS, f"{COMPLETIONS}?model=gpt"):
        with CaptureQueriesContext(connection) as asked:
            page(client, url)
        ours = [query["sql"] for query in asked.captured_queries if "cache_admin_" in query["sql"]]
        assert ours
        assert not [sql for sql in ours if "COUNT(" in sql or "DISTINCT" in sql or "LIMIT" not in sql], ours


def test_the_log_is_filtered_by_status_provider_cache_key_and_time(client: Client) -> None:
    wanted = calls(1, status="incomplete", provider="groq", cache="hit", key_id="k2", key_name="theirs")
    calls(2)
    for query in (
        "status=incomplete",
        "provider=groq",
        "cache=hit",
        "key=k2",
        "status=incomplete&provider=groq&since=1h",
    ):
        assert listed(page(client, f"{USAGE}?{query}"), "usagerecord") == wanted, query
    text = page(client, USAGE)
    for choice in ("incomplete", "groq", "theirs", "Last 7 days"):
        assert choice in text


def test_the_time_presets_go_by_the_id(client: Client) -> None:
    from keys.ids import uuid7

    old = uuid7(int((time.time() - 2 * 86400) * 1000), bytes(10))
    calls(1, id=old, at=time.time() - 2 * 86400)
    new = calls(1)
    assert listed(page(client, f"{USAGE}?since=24h"), "usagerecord") == new
    assert listed(page(client, f"{USAGE}?since=7d"), "usagerecord") == [*new, old]


def test_a_call_is_found_by_its_request_id_and_by_its_digest(client: Client) -> None:
    wanted = calls(1, cache_digest="ab" * 32)
    calls(1)
    for term in (wanted[0], wanted[0].upper(), "ab" * 32):
        assert listed(page(client, f"{USAGE}?q={term}"), "usagerecord") == wanted
    assert listed(page(client, f"{USAGE}?q=nothing"), "usagerecord") == []


def test_calls_and_completions_are_found_by_the_name_of_their_key(client: Client) -> None:
    key, _ = issuing.issue("Team Rocket")
    wanted = calls(1, key_id=key.pk, key_name=key.name)
    calls(1)
    digest = cached()
    StoredCompletion.objects.update(key_id=key.pk)
    assert listed(page(client, f"{USAGE}?q=rocket"), "usagerecord") == wanted
    assert listed(page(client, f"{COMPLETIONS}?q=team+rocket"), "storedcompletion") == [digest]
    assert listed(page(client, f"{COMPLETIONS}?q=nobody"), "storedcompletion") == []


def test_a_completion_is_found_by_its_digest_and_by_a_call_that_used_it(client: Client) -> None:
    wanted, _ = cached(number=7), cached(number=8)
    (hit,) = calls(1, cache="hit", cache_digest=wanted)
    for term in (wanted, f"{wanted[:16]} {wanted[16:]}", hit):
        assert listed(page(client, f"{COMPLETIONS}?q={term}"), "storedcompletion") == [wanted], term


def test_a_call_leads_to_its_key_and_shows_an_error_only_where_there_was_one(client: Client) -> None:
    key, _ = issuing.issue("mine")
    (fine,) = calls(1, key_id=key.pk)
    (broken,) = calls(1, status="error", error_message="it broke")
    text = page(client, reverse("admin:cache_admin_usagerecord_change", args=[fine]))
    assert reverse("admin:keys_virtualkey_change", args=[key.pk]) in text
    assert "Error message" not in text
    assert "Error message" in page(client, reverse("admin:cache_admin_usagerecord_change", args=[broken]))


@pytest.mark.parametrize(
    ("asked", "served", "said"),
    [
        ("openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("openai/gpt-4o", "gpt-4o-mini-2024-07-18", "openai/gpt-4o → gpt-4o-mini-2024-07-18"),
        ("openai/gpt-4o", "", "openai/gpt-4o"),
        ("", "", "-"),
    ],
)
def test_the_list_names_the_model_that_served_where_it_is_another(asked: str, served: str, said: str) -> None:
    row = UsageRecord(model_asked=asked, model_served=served, provider="openai")
    assert site.get_model_admin(UsageRecord).model_shown(row) == said


def test_codes_of_the_ledger_are_shown_in_words(client: Client) -> None:
    (name,) = calls(1, status="upstream_error", cache="bypass", cache_reason="temperature", error_message="it broke")
    record = page(client, reverse("admin:cache_admin_usagerecord_change", args=[name]))
    assert "Temperature is not 0, and no seed is set." in record
    for text in (record, page(client, USAGE), page(client, reverse("admin:index"))):
        assert "upstream error" in text
        assert "upstream_error<" not in text


@pytest.mark.parametrize(
    ("cache", "reason", "said"),
    [
        ("hit", "stale: error", "The provider failed, and a stale answer stood in."),
        ("hit", "stale: revalidate", "A stale answer, while another call fetches a fresh one."),
        ("stored", "stale", "What was kept is too old for this call."),
        ("stored", "refresh", "Asked in the background, for what takes a stale answer's place."),
        ("stored", "no-cache", "The call asked for a fresh answer."),
        ("miss", "redis-away", "Redis was away; the table had no answer."),
        ("miss", "stale-if-error", "It failed, and its client got a stale answer instead."),
        ("joined", "", "An equal call was under way: it shared that one's answer."),
        ("bypass", "of a later version", "of a later version"),
        ("hit", "", "The same was asked before."),
        ("miss", "", "Nothing was kept for it."),
        ("", "", "-"),
    ],
)
def test_what_came_of_the_cache_is_told_in_words(cache: str, reason: str, said: str) -> None:
    row = UsageRecord(cache=cache, cache_reason=reason)
    assert site.get_model_admin(UsageRecord).reason_shown(row) == said


def test_a_stream_that_was_stored_is_told_as_such() -> None:
    row = UsageRecord(cache="miss", cache_digest="d" * 64)
    assert "its answer is, from now on" in site.get_model_admin(UsageRecord).reason_shown(row)


def test_metadata_is_shown_as_text_and_not_as_json(client: Client) -> None:
    (name,) = calls(1, metadata={"team": "growth", "feature": "onboarding"})
    text = page(client, reverse("admin:cache_admin_usagerecord_change", args=[name]))
    assert "team: growth; feature: onboarding" in text


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "-"),
        (0, "$0"),
        ("0.0008007", "$0.0008"),
        ("0.000000123", "$0.00000012"),
        ("1234.567", "$1,234.57"),
        ("0.5", "$0.50"),
        ("0.0751", "$0.075"),
        ("0.999", "$1.00"),
    ],
)
def test_a_heading_rounds_its_dollars(amount: str | None, said: str) -> None:
    assert shown.roughly(None if amount is None else Decimal(amount)) == said


def test_the_header_leaves_a_models_name_as_it_is_written(client: Client) -> None:
    row = Price.objects.create(provider="openai", model="gpt-4o", input=1, output=1)
    text = page(client, reverse("admin:cache_admin_price_change", args=[row.pk]))
    assert "openai/gpt-4o" in text
    assert "Openai" not in text


def test_the_first_page_says_what_was_changed(client: Client) -> None:
    row = Price.objects.create(provider="openai", model="gpt-4o", input=1, output=1)
    client.post(reverse("admin:cache_admin_price_delete", args=[row.pk]), {"post": "yes"})
    text = page(client, reverse("admin:index"))
    assert "Price · Deleted." in text


def test_an_empty_list_says_what_is_missing(client: Client) -> None:
    assert "No calls yet" in page(client, USAGE)
    assert "Nothing kept yet" in page(client, COMPLETIONS)
    assert "Nothing fits" in page(client, f"{USAGE}?since=1h")


def test_a_record_shows_all_it_holds_and_cannot_be_changed(client: Client) -> None:
    (name,) = calls(1, metadata={"run": "42"}, dropped=["seed: unknown"], error_message="it broke", user="u-1")
    url = reverse("admin:cache_admin_usagerecord_change", args=[name])
    text = page(client, url)
    for word in ("42", "seed: unknown", "it broke", "u-1", "12.5", name):
        assert word in text
    assert 'name="_save"' not in text
    assert client.post(url, {"status": "ok"}).status_code == 403
    assert client.post(reverse("admin:cache_admin_usagerecord_delete", args=[name]), {"post": "yes"}).status_code == 403


def test_a_completion_shows_request_and_answer_and_leads_to_its_calls(client: Client) -> None:
    digest = cached()
    calls(2, cache="hit", cache_digest=digest)
    text = page(client, reverse("admin:cache_admin_storedcompletion_change", args=[digest]))
    for word in ("What is the capital of France?", "Paris", "mine", "openai", f"{USAGE}?q={digest}"):
        assert word in text
    assert StoredCompletion.objects.get().hits == 2
    assert len(listed(page(client, f"{USAGE}?q={digest}"), "usagerecord")) == 2


def test_bodies_are_for_who_may_read_them() -> None:
    digest = cached()
    clerk = staff("view_storedcompletion", "view_usagerecord")
    text = page(clerk, reverse("admin:cache_admin_storedcompletion_change", args=[digest]))
    assert "You may not read" in text
    for word in ("capital", "Paris"):
        assert word not in text


def test_logged_bodies_are_for_who_may_read_them(client: Client) -> None:
    (name,) = calls(1, request_body=b'{"messages":[{"role":"user","content":"my secret"}]}', answer_body=b"no json")
    url = reverse("admin:cache_admin_usagerecord_change", args=[name])
    text = page(client, url)
    assert "my secret" in text
    assert "no json" in text
    hidden = page(staff("view_usagerecord"), url)
    assert "my secret" not in hidden
    assert "You may not read" in hidden
    viewed = AuditEntry.objects.filter(action="body.viewed")
    assert [(one.actor, one.target_id) for one in viewed] == [("root", name)]


def test_a_body_that_does_not_open_says_so(client: Client) -> None:
    digest = cached()
    StoredCompletion.objects.update(scope="key:2")
    text = page(client, reverse("admin:cache_admin_storedcompletion_change", args=[digest]))
    assert text.count("Cannot be opened") == 2


def test_purging_takes_a_completion_from_both_tiers(client: Client) -> None:
    raw = cache.client.get_client()  # type: ignore[attr-defined]
    digests = [cached(number=n) for n in range(3)]
    chosen = {"action": "purge_selected", "_selected_action": digests[:2]}
    assert "2 completions purged." in client.post(COMPLETIONS, chosen, follow=True).content.decode()
    assert list(StoredCompletion.objects.values_list("digest", flat=True)) == digests[2:]
    assert [key.decode() for key in raw.scan_iter("c:*")] == [f"c:{digests[2]}"]
    assert set(AuditEntry.objects.get(action="completion.purged").changes["digests"]) == set(digests[:2])
    client.post(reverse("admin:cache_admin_storedcompletion_delete", args=[digests[2]]), {"post": "yes"})
    assert not StoredCompletion.objects.exists()
    assert not list(raw.scan_iter("c:*"))


def test_purging_takes_the_right_to_delete() -> None:
    digest = cached()
    staff("view_storedcompletion").post(COMPLETIONS, {"action": "purge_selected", "_selected_action": [digest]})
    assert StoredCompletion.objects.exists()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_stored_text_is_shown_as_text(client: Client, payload: str) -> None:
    texts = ("key_name", "model_asked", "model_served", "credential", "status", "cache", "cache_reason", "provider")
    more = ("error_message", "error_code", "user", "client_request_id", "upstream_request_id", "finish_reason")
    asked = json.dumps({"messages": [{"role": payload, "content": payload}]}).encode()
    facts = {
        "metadata": {payload: payload},
        "dropped": [payload],
        "request_body": asked,
        "answer_body": payload.encode(),
    }
    (name,) = calls(1, **dict.fromkeys((*texts, *more), payload), **facts)
    digest = cached(payload, payload)
    StoredCompletion.objects.update(key_name=payload, model=payload, provider=payload, model_asked=payload)
    urls = [USAGE, COMPLETIONS, reverse("admin:index"), f"{USAGE}?q={name}"]
    urls.append(reverse("admin:cache_admin_usagerecord_change", args=[name]))
    urls.append(reverse("admin:cache_admin_storedcompletion_change", args=[digest]))
    for url in urls:
        text = page(client, url)
        assert payload not in text.replace("{{ 7*7 }}{% debug %}", "") or payload.startswith("{{"), url
        assert "alert(1)>" not in text.replace(html.escape(payload), ""), url
        assert ">49<" not in text


def test_the_pages_hold_no_script_of_their_own(client: Client) -> None:
    digest = cached()
    ours = page(client, reverse("admin:cache_admin_storedcompletion_change", args=[digest]))
    theirs = page(client, reverse("admin:cache_admin_price_add"))
    inline = re.compile(r"<script(?![^>]*src=)[^>]*>", re.I)
    assert len(inline.findall(ours)) <= len(inline.findall(theirs))


def test_the_first_page_tells_the_last_day(client: Client) -> None:
    calls(2, input_tokens=1000, output_tokens=500)
    calls(1, cache="hit")
    calls(1, status="upstream_error", error_message="the provider broke", output_tokens=None)
    text = page(client, reverse("admin:index"))
    for word in ("Last 24 hours", "25%", "1 of 4 looked up", "1 failed", "the provider broke"):
        assert word in text
    day = last_day(time.time())
    assert (day.calls, day.failed, day.hits, day.cost, day.unpriced) == (4, 1, 1, None, 2)
    assert [row.status for row in recent_failures(time.time())] == ["upstream_error"]


def test_the_first_page_of_a_new_installation_says_what_to_do(client: Client) -> None:
    text = page(client, reverse("admin:index"))
    for word in ("nothing looked up", "nothing to price", reverse("admin:keys_virtualkey_add")):
        assert word in text


def test_the_first_page_tells_nothing_of_usage_to_who_may_not_see_it() -> None:
    calls(1)
    assert "Last 24 hours" not in page(staff("view_price"), reverse("admin:index"))


def test_prices_are_entered_by_hand(client: Client) -> None:
    facts = {"provider": "openai", "model": "gpt-4o*", "input": "2.5", "output": "10", "cached": "", "cache_write": ""}
    assert client.post(reverse("admin:cache_admin_price_add"), facts).status_code == 302
    assert Price.objects.get().cached is None
    text = page(client, reverse("admin:cache_admin_price_changelist"))
    for word in ("gpt-4o*", "$2.5", "$10", "as input", "per 1M tokens"):
        assert word in text
    form = page(client, reverse("admin:cache_admin_price_change", args=[Price.objects.get().pk]))
    assert 'value="2.5"' in form
    assert 'value="10"' in form
    assert (
        client.post(reverse("admin:cache_admin_price_change", args=[Price.objects.get().pk]), facts).status_code == 302
    )


def test_nobody_sees_a_page_without_the_right_to_it() -> None:
    clerk = staff()
    for url in (USAGE, COMPLETIONS, reverse("admin:cache_admin_price_changelist")):
        assert clerk.get(url).status_code == 403
    assert Client().get(USAGE).status_code == 302
    assert UsageRecord.objects.count() == 0
