"""Limits as a client of the running server meets them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import IncompleteRead

import pytest

from proxy_api.estimate import estimate
from tests.client import Client
from tests.live import Live
from tests.loopback import answer, close, hang, openai_stream, raw, reset, stream, wire_of
from tests.proxy_api.asking import hello
from tests.proxy_api.limited import Limited, limited, price, refused

FRAMES = openai_stream("Hello there")
TOKENS = 29  # of the upstream's usual answer: 19 read, 10 written
DEAR = "gpt-4o-mini"


def tokens_of_hello() -> int:
    return estimate(hello(), [DEAR], writes=True).total


def test_above_its_requests_a_minute_a_key_is_told_when_to_come_back(live: Live) -> None:
    key = limited(live, requests_per_minute=3)
    found = [key.chat() for _ in range(4)]
    assert [one.status for one in found] == [200, 200, 200, 429]
    assert "this key" in refused(found[3], 429, "rate_limit_exceeded")
    assert "3 requests a minute" in refused(found[3], 429, "rate_limit_exceeded")
    headers = found[3].headers
    assert 1 <= int(headers["retry-after"]) <= 120
    assert 0 <= int(headers["retry-after"]) * 1000 - int(headers["retry-after-ms"]) < 1000
    assert "x-should-retry" not in headers
    assert live.upstream.count == 3
    row = live.usage(headers["x-request-id"])
    assert (row["status"], row["http_status"], row["attempts"]) == ("rate_limited", 429, 0)


def test_every_answer_says_what_is_left(live: Live) -> None:
    key = limited(live, requests_per_minute=10, tokens_per_minute=100_000)
    plain, streamed = key.chat(), key.chat(stream=True)
    live.upstream.then(answer({"error": {"message": "no", "type": "invalid_request_error"}}, 400))
    failed = key.chat()
    found = [one.headers for one in (plain, streamed, failed)]
    assert [one.status for one in (plain, streamed, failed)] == [200, 200, 400]
    assert [one["x-ratelimit-remaining-requests"] for one in found] == ["9", "8", "7"]
    assert {one["x-ratelimit-limit-requests"] for one in found} == {"10"}
    assert {one["x-ratelimit-limit-tokens"] for one in found} == {"100000"}
    assert int(plain.headers["x-ratelimit-remaining-tokens"]) <= 100_000 - tokens_of_hello()
    assert found[0]["x-ratelimit-reset-requests"] == "2m0s"


def test_a_key_without_limits_is_told_nothing_of_any(live: Live) -> None:
    assert not [name for name in live.chat(hello()).headers if name.startswith("x-ratelimit")]


def test_hits_count_against_no_limit(live: Live) -> None:
    key = limited(live, [("requests", 2)], requests_per_minute=2)
    asked = hello(temperature=0)
    found = [key.request("POST", "/v1/chat/completions", asked) for _ in range(5)]
    assert [one.headers["x-bt-cached"] for one in found] == ["MISS", "HIT", "HIT", "HIT", "HIT"]
    assert key.counts()["used"] == [1]


def test_a_request_that_is_none_counts_against_no_limit(live: Live) -> None:
    key = limited(live, [("requests", 5)], requests_per_minute=1)
    assert key.chat(temperature="hot").status == 400
    assert key.chat(model="openai/").status == 404
    assert key.chat().status == 200
    assert key.counts() == {"used": [1], "held": [0], "calls": 0}


def test_tokens_are_held_by_estimate_and_counted_as_they_were_used(live: Live) -> None:
    key = limited(live, [("tokens", 10_000)], tokens_per_minute=tokens_of_hello() * 2)
    assert key.chat().status == 200
    assert key.chat().status == 200
    assert key.counts()["used"] == [2 * TOKENS]
    left = tokens_of_hello() * 2 - 2 * TOKENS
    message = refused(key.chat(max_tokens=left), 429, "rate_limit_exceeded")
    assert "tokens a minute (this request is estimated at" in message


def test_a_request_above_a_minutes_tokens_is_told_that_it_never_passes(live: Live) -> None:
    key = limited(live, tokens_per_minute=500)
    found = key.chat(max_tokens=501)
    assert "can never pass" in refused(found, 429, "rate_limit_exceeded")
    assert found.headers["x-should-retry"] == "false"
    assert "retry-after" not in found.headers
    assert key.chat(max_tokens=10).status == 200


def test_a_used_up_budget_says_until_when_and_that_nobody_should_retry(live: Live) -> None:
    price(live, DEAR, 0.1)
    key = limited(live, [("usd", 2)], asked={"max_tokens": 10})  # a dollar each
    found = [key.chat() for _ in range(3)]
    assert [one.status for one in found] == [200, 200, 429]
    assert "used up: 2 USD a month, until 20" in refused(found[2], 429, "insufficient_quota")
    assert found[2].json()["error"]["type"] == "insufficient_quota"
    assert found[2].headers["x-should-retry"] == "false"
    assert key.counts()["used"] == [2_000_000_000]
    assert live.upstream.count == 2


def test_under_a_budget_of_money_a_model_without_a_price_is_refused(live: Live) -> None:
    key = limited(live, [("usd", 5)])
    found = key.chat(model="openai/nobody-knows-its-price")
    assert "no price" in refused(found, 400, "model_not_priced")
    assert found.json()["error"]["param"] == "model"
    assert live.upstream.count == 0
    assert limited(live, [("tokens", 5000)]).chat(model="openai/nobody-knows-its-price").status == 200


def test_relayed_calls_count_as_well(live: Live) -> None:
    said = {"id": "r", "object": "response", "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}}
    live.upstream.script(answer(said), path="/v1/responses")
    key = limited(live, [("tokens", 100_000)], requests_per_minute=2)
    found = key.request("POST", "/v1/proxy/responses", {"model": DEAR, "input": "Hello"})
    assert (found.status, found.headers["x-ratelimit-remaining-requests"]) == (200, "1")
    assert key.counts() == {"used": [12], "held": [0], "calls": 0}
    assert key.request("GET", "/v1/proxy/files").status == 200
    refused(key.request("GET", "/v1/proxy/files"), 429, "rate_limit_exceeded")


def test_under_a_budget_of_money_what_names_no_model_may_be_read_and_not_made(live: Live) -> None:
    key = limited(live, [("usd", 5)])
    assert key.request("GET", "/v1/proxy/files").status == 200
    refused(key.request("POST", "/v1/proxy/batches", {"input_file_id": "f"}), 400, "model_not_priced")


# -- every end gives back what was held --------------------------------------------------------------------------------
def left(when: Callable[[Client], object], streamed: bool) -> Callable[[Limited], None]:
    def leave(key: Limited) -> None:
        client = Client(key.live, hello(stream=streamed), token=key.token)
        assert key.live.upstream.wait_until(lambda: key.live.upstream.count == 1)
        when(client)
        client.leave()

    return leave


def plain(key: Limited) -> None:
    key.chat()


def streamed(key: Limited) -> None:
    key.chat(stream=True)


def relayed(key: Limited) -> None:
    with suppress(IncompleteRead):
        key.request("POST", "/v1/proxy/responses", {"model": DEAR, "input": "Hello", "stream": True})


def relayed_and_left(key: Limited) -> None:
    with socket.create_connection(("127.0.0.1", key.live.port)) as client:
        body = b'{"model":"gpt-4o-mini","input":"Hello"}'
        head = f"POST /v1/proxy/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key.token}\r\n"
        client.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        assert key.live.upstream.wait_until(lambda: key.live.upstream.count == 1)


HALF = stream(FRAMES[:3], end=hang)
ENDS = {
    "a provider's refusal": (answer({"error": {"message": "no"}}, 400), plain),
    "a provider's 500": (answer(b"oops", 500), plain),
    "a reset": (reset, plain),
    "no JSON": (answer(b"<html>"), plain),
    "a stream's refusal": (answer({"error": {"message": "no"}}, 429), streamed),
    "a cut stream": (stream(FRAMES[:3], end=close), streamed),
    "a stream without its end": (stream(FRAMES[:-1]), streamed),
    "a silent stream": (HALF, streamed),
    "a client that leaves before the headers": (hang, left(lambda _: time.sleep(0.1), streamed=False)),
    "a client that leaves mid-stream": (HALF, left(lambda client: client.until(b"Hello"), streamed=True)),
    "a client that reads nothing of a stream": (HALF, left(lambda client: client.head(), streamed=True)),
    "a relayed refusal": (answer({"error": {"message": "no"}}, 400), relayed),
    "a relayed answer that breaks off": (raw(wire_of(b"x" * 100)[:-50], end=close), relayed),
    "a client that leaves a relayed call": (hang, relayed_and_left),
}


@pytest.mark.parametrize("end", ENDS)
def test_whatever_ends_a_call_gives_back_what_it_held(live: Live, end: str) -> None:
    behaviour, act = ENDS[end]
    key = limited(live, [("tokens", 100_000), ("requests", 100)], concurrent_requests=1)
    live.upstream.script(behaviour)
    act(key)
    # Once Redis was late for a moment, what is settled is said with the next beat, and what is held is gone before.
    key.wait_for(lambda found: (found["calls"], any(found["held"]), found["used"][1]) == (0, False, 1))
    live.upstream.script(answer(b'{"choices":[{"finish_reason":"stop"}]}'))
    assert key.chat().status == 200


def test_a_call_under_way_holds_its_place(live: Live) -> None:
    key = limited(live, concurrent_requests=1)
    live.upstream.script(HALF)
    client = Client(live, hello(stream=True), token=key.token).until(b"Hello")
    found = key.chat()
    assert "1 calls under way" in refused(found, 429, "rate_limit_exceeded")
    assert found.headers["retry-after"] == "1"
    client.leave()
    key.wait_for(lambda counts: not counts["calls"])
