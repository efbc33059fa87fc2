"""Stale answers (RFC 5861): given where the caller would rather have one than wait, or than have none."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.bodies import openai_answer, openai_error, openai_stream
from tests.client import Client
from tests.live import Answer, Live
from tests.loopback import Behaviour, answer, close, hang, reset, stream
from tests.proxy_api.asking import MODEL, cached, chunks, hello, text_of, with_request_id
from tests.proxy_api.limited import limited, price

OLD, NEW = "The old answer", "The new answer"


@pytest.fixture
def stale(live: Live) -> dict[str, Any]:
    """A request whose kept answer is past its life of a second, by less than a second."""
    body = hello(temperature=0)
    live.upstream.then(answer(openai_answer(OLD)))
    live.upstream.script(answer(openai_answer(NEW)))
    assert cached(live.chat(body, x_bt_cache_ttl="1")) == "MISS"
    time.sleep(1.1)
    return body


def said(found: Answer) -> str:
    return str(found.json()["choices"][0]["message"]["content"])


FAILURES = {
    "500": answer(openai_error(), 500),
    "429": answer(openai_error(), 429),
    "401": answer(openai_error(), 401),
    "a page": answer("<html>", content_type="text/html"),
    "reset": reset,
    "closed": close,
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("control", ["stale-if-error=60", "no-cache, stale-if-error=60"])
def test_where_the_provider_fails_a_stale_answer_is_given_to_who_takes_it(
    live: Live, stale: dict[str, Any], failure: Behaviour, control: str
) -> None:
    live.upstream.script(failure)
    mark = uuid.uuid4().hex
    found = live.chat(stale, cache_control=control, x_client_request_id=mark)
    assert (cached(found), said(found)) == ("HIT", OLD)
    assert found.headers["x-dragoman-cache"] == "stale; error"
    assert int(found.headers["age"]) >= 1
    assert "retry-after" not in found.headers
    streamed = live.chat({**stale, "stream": True}, cache_control=control)
    assert (cached(streamed), text_of(chunks(streamed.body))) == ("HIT", OLD)
    assert live.upstream.count == 3
    row = live.usage(with_request_id(found))
    assert (row["status"], row["cache"], row["cache_reason"]) == ("ok", "hit", "stale: error")
    assert (row["attempts"], row["cost_usd"], row["estimated"]) == (0, 0, False)
    assert row["error_code"]
    in_vain = live.rows(
        "SELECT * FROM cache_admin_usagerecord WHERE client_request_id = %s AND id <> %s", mark, row["id"]
    )
    assert [(one["cache"], one["cache_reason"], one["attempts"]) for one in in_vain] == [("miss", "stale-if-error", 1)]
    assert in_vain[0]["error_code"] == row["error_code"]
    assert in_vain[0]["estimated"] is (failure in (reset, close))  # sent, and not refused: it may be billed


def test_what_was_sent_in_vain_counts_once_in_ledger_and_budgets_alike(live: Live) -> None:
    price(live, "stale-and-priced", 1e-6)
    key = limited(live, [("tokens", 1_000_000), ("usd", 1_000), ("requests", 100)])
    body = hello(model="openai/stale-and-priced", temperature=0)
    bearer = {"authorization": f"Bearer {key.token}"}
    assert cached(live.chat(body, x_bt_cache_ttl="1", **bearer)) == "MISS"
    time.sleep(1.1)
    live.upstream.script(stream(openai_stream()[:1], gap=0.02, end=close))  # sent, so the provider may bill it
    found = live.chat({**body, "stream": True}, cache_control="stale-if-error=60", **bearer)
    assert found.headers["x-dragoman-cache"] == "miss; stale"  # an event came before it failed
    live.upstream.script(close)
    for streamed in (True, False):
        found = live.chat({**body, "stream": streamed}, cache_control="stale-if-error=60", **bearer)
        assert found.headers["x-dragoman-cache"] == "stale; error"
    live.usage(with_request_id(found))
    rows = live.rows("SELECT * FROM cache_admin_usagerecord WHERE key_id = %s AND cache <> 'hit'", key.id)
    tokens = sum((row["input_tokens"] or 0) + (row["output_tokens"] or 0) for row in rows)
    spent = int(sum(row["cost_usd"] or 0 for row in rows) * 10**9)
    assert len(rows) == 4
    assert sum(row["estimated"] for row in rows) == 3
    assert key.wait_for(lambda counts: not any(counts["held"]))["used"] == [tokens, spent, 4]


def test_a_stale_answer_stands_in_for_nothing_else(live: Live, stale: dict[str, Any]) -> None:
    """Neither where it is too stale, nor for the caller's own faults, nor unasked, nor where the provider answers."""
    live.upstream.script(answer(openai_error(), 500))
    assert live.chat(stale).status == 502
    assert live.chat(stale, cache_control="stale-if-error=0").status == 502
    live.upstream.script(answer(openai_error("No", "invalid_request_error"), 400))
    assert live.chat(stale, cache_control="stale-if-error=60").status == 400
    live.upstream.script(answer(openai_answer(NEW)))
    found = live.chat(stale, cache_control="stale-if-error=60")
    assert (cached(found), said(found)) == ("MISS", NEW)
    assert found.headers["x-dragoman-cache"] == "stored; stale"
    assert cached(live.chat(stale, cache_control="stale-if-error=60")) == "HIT"


@pytest.mark.timeout(30)
def test_a_stream_waits_without_a_word_where_a_stale_answer_may_have_to_be_given(
    live: Live, stale: dict[str, Any]
) -> None:
    """A ping would be the beginning of an answer: the first-byte deadline of three seconds passes before the head."""
    live.upstream.script(hang)
    client = Client(live, {**stale, "stream": True}, cache_control="stale-if-error=60").rest()
    assert (client.headers["x-dragoman-cache"], client.done) == ("stale; error", True)
    assert not client.body.startswith(b":")
    assert text_of(chunks(client.body)) == OLD


def test_while_it_revalidates_one_call_refreshes_for_all(live: Live, stale: dict[str, Any]) -> None:
    def ask(streamed: bool) -> Answer:
        return live.chat({**stale, "stream": streamed}, cache_control="stale-while-revalidate=60")

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(ask, [True, False] * 10))
    states = [each.headers["x-dragoman-cache"] for each in found]
    assert set(states) <= {"stale; revalidate", "hit"}  # `hit` as soon as the fresh one is there
    assert "stale; revalidate" in states
    assert live.upstream.wait_until(lambda: said(ask(False)) == NEW)
    assert live.upstream.count == 2
    live.manage("ship_usage")
    rows = live.rows("SELECT * FROM cache_admin_usagerecord WHERE cache_reason = 'refresh' ORDER BY id DESC LIMIT 1")
    assert (rows[0]["status"], rows[0]["model_asked"], rows[0]["attempts"]) == ("ok", MODEL, 1)
    assert rows[0]["cache_digest"] == live.usage(with_request_id(found[0]))["cache_digest"]


def test_a_refresh_that_fails_leaves_the_stale_answer_and_holds_off_the_next(live: Live, stale: dict[str, Any]) -> None:
    live.upstream.script(answer(openai_error(), 500))
    for _ in range(5):
        found = live.chat(stale, cache_control="stale-while-revalidate=60")
        assert (found.headers["x-dragoman-cache"], said(found)) == ("stale; revalidate", OLD)
        time.sleep(0.05)
    assert live.upstream.count == 2


def test_only_what_is_kept_may_be_stale_too(live: Live, stale: dict[str, Any]) -> None:
    assert live.chat(stale, cache_control="only-if-cached").status == 504
    found = live.chat(stale, cache_control="only-if-cached, stale-while-revalidate=60")
    assert (cached(found), said(found)) == ("HIT", OLD)
    time.sleep(0.1)
    assert live.upstream.count == 1
