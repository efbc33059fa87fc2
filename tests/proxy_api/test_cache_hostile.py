"""Attempts to get a wrong hit: by headers, by bytes that look alike, by a world that has changed since."""

from __future__ import annotations

import json
import socket
import time
import uuid
from typing import Any

import pytest
import redis

from proxy_api import caching
from proxy_api.providers import _FORWARDED
from tests.bodies import anthropic_answer, openai_answer, openai_error, openai_stream
from tests.live import Answer, Live
from tests.loopback import answer, stream
from tests.proxy_api.asking import CLAUDE, MODEL, TOOL, anthropic, cached, chunks, hello, with_request_id
from tests.proxy_api.test_cache_calls import alias, said

__all__ = ["alias"]  # a fixture


def test_every_header_that_travels_on_is_in_the_key_or_changes_no_answer() -> None:
    forwarded = {name for headers in _FORWARDED.values() for name in headers}
    assert forwarded - {"idempotency-key", "traceparent"} <= set(caching.KEYED_HEADERS)


# -- headers -----------------------------------------------------------------------------------------------------------
def send(live: Live, body: dict[str, Any], *lines: str) -> bytes:
    """A request whose head is as written; the whole answer."""
    data = json.dumps(body).encode()
    own = ["POST /v1/chat/completions HTTP/1.1", "host: localhost", f"authorization: Bearer {live.token}"]
    own += ["content-type: application/json", f"content-length: {len(data)}", "connection: close"]
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as client:
        client.sendall("\r\n".join([*own, *lines, "", ""]).encode("latin-1") + data)
        found = b""
        while piece := client.recv(1 << 16):
            found += piece
    return found


def state(found: bytes) -> str:
    head = found.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    [line] = [line for line in head.split("\r\n") if line.startswith("x-bt-cached:")]
    return line.partition(":")[2].strip().upper()


@pytest.mark.parametrize(
    "lines",
    [
        ("openai-beta: a", "openai-beta: b"),
        ("openai-beta: a\tb",),
        ("openai-beta:",),
        ("anthropic-beta: x",),
        ("x-bt-org-name: other",),
        ("x-dragoman-strict: 1",),
    ],
)
def test_headers_that_make_another_answer_find_none(live: Live, lines: tuple[str, ...]) -> None:
    body = hello(temperature=0)
    assert state(send(live, body)) == "MISS"
    assert state(send(live, body, *lines)) == "MISS"
    assert state(send(live, body, *lines)) == "HIT"
    assert state(send(live, body)) == "HIT"
    assert live.upstream.count == 2


@pytest.mark.parametrize(
    ("lines", "second"),
    [
        (("cache-control: max-age=60", "cache-control: no-cache"), "MISS"),
        (("CACHE-CONTROL: No-Cache",), "MISS"),
        (("cache_control: no-cache",), "HIT"),  # another header, which nginx and others let through as well
        (("x_bt_use_cache: never",), "HIT"),
        (("x-bt-use-cache: auto ",), "HIT"),
        (("cookie: a=b", "x-forwarded-for: 10.0.0.1", "user-agent: x", "accept: text/html", "vary: *"), "HIT"),
        (("if-none-match: *", "range: bytes=0-1", "pragma: x", "expect-ct: 1"), "HIT"),
        (("idempotency-key: 1", "traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01"), "HIT"),
    ],
)
def test_other_headers_change_what_is_done_only_where_they_say_so(
    live: Live, lines: tuple[str, ...], second: str
) -> None:
    body = hello(temperature=0)
    assert state(send(live, body)) == "MISS"
    found = send(live, body, *lines)
    assert (found.split()[1], state(found)) == (b"200", second)


@pytest.mark.parametrize("lines", [("x-bt-use-cache: auto", "x-bt-use-cache: never"), ("x-bt-use-cache:",)])
def test_two_modes_or_none_are_refused(live: Live, lines: tuple[str, ...]) -> None:
    assert send(live, hello(temperature=0), *lines).split()[1] == b"400"
    assert live.upstream.count == 0


# -- what looks alike --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"user":"\u00e9"', '"user":"e\u0301"'),
        ('"user":"\ufb01"', '"user":"fi"'),
        ('"user":"a"', '"user":"a "'),
        ('"user":"A"', '"user":"a"'),
        ('"seed":1', '"seed":2'),
        ('"seed":null', '"user":null'),
        ('"top_p":1', '"top_p":1.0'),
        ('"top_p":1.0', '"top_p":1e0'),
        ('"top_p":0.1', '"top_p":0.10'),
        ('"top_p":0.1', '"top_p":0.1000000000000000055511151231257827021181583404541015625'),
        ('"logit_bias":{"1":9007199254740993}', '"logit_bias":{"1":9007199254740992}'),
        ('"x":{"a":{"b":1}}', '"x":{"a":{"b":1,"c":null}}'),
        ('"x":[1,[2,3]]', '"x":[[1,2],3]'),
        ('"x":{"stream":true}', '"x":{"stream":false}'),
        ('"tools":[]', '"tools":null'),
        ('"x":"1"', '"x":1'),
        ('"x":{"":1}', '"x":{" ":1}'),
    ],
)
def test_what_is_not_the_same_to_the_last_byte_is_asked_anew(live: Live, one: str, other: str) -> None:
    ask = uuid.uuid4().hex

    def asked(field: str) -> Answer:
        body = f'{{"model":"{MODEL}","temperature":0,{field},"messages":[{{"role":"user","content":"{ask}"}}]}}'
        return live.request("POST", "/v1/chat/completions", body.encode())

    states = [(found.status, found.headers.get("x-bt-cached")) for found in (asked(one), asked(other), asked(one))]
    assert ("HIT" if states[0][0] == 200 else None) == states[2][1]
    assert states[1][1] != "HIT"


@pytest.mark.parametrize("twice", ['"temperature":0,"temperature":1', '"seed":1,"seed":1', '"x":{"a":1,"\\u0061":2}'])
def test_a_name_that_stands_twice_is_refused_so_that_no_two_read_it_differently(live: Live, twice: str) -> None:
    body = f'{{"model":"{MODEL}",{twice},"messages":[{{"role":"user","content":"Hi"}}]}}'
    assert live.request("POST", "/v1/chat/completions", body.encode()).status == 400
    assert live.upstream.count == 0


# -- a world that has changed ------------------------------------------------------------------------------------------
def test_a_fallbacks_answer_is_kept_for_the_model_that_was_asked_for(live: Live, alias: Any) -> None:
    """The first configured route is in the key, whoever answers: before weights, cooldown and fallback."""
    alias("openai/gpt-4o-mini", CLAUDE)
    anthropic(live, answer(anthropic_answer("From Anthropic")))
    live.upstream.script(answer(openai_error(), 500), path="/v1/chat/completions")
    body = hello(model="cached-alias", temperature=0)
    first = live.chat(body)
    assert (cached(first), first.headers["x-dragoman-provider"]) == ("MISS", "anthropic")
    live.upstream.script(answer(openai_answer("Back")), path="/v1/chat/completions")
    found = live.chat(body)
    assert (cached(found), found.headers["x-dragoman-provider"], said(found)) == ("HIT", "anthropic", said(first))
    alias()


def test_another_endpoint_finds_no_answer_of_the_first(live: Live) -> None:
    body = hello(temperature=0)
    paths = ("/v1/chat/completions", "/v1/proxy/auto", "/v1/proxy/chat/completions", "/v1/proxy/auto")
    assert [cached(live.request("POST", path, body)) for path in paths] == ["MISS", "MISS", "HIT", "HIT"]


ENDS = """
from datetime import timedelta
from django.utils import timezone
from keys.models import VirtualKey
key = VirtualKey.objects.get(name=name)
key.expires_at = timezone.now() + timedelta(seconds=2.5)
key.save()
"""


def test_a_key_that_has_expired_gets_401_where_it_had_hits(live: Live) -> None:
    name, body = f"ends-{uuid.uuid4().hex}", hello(temperature=0)
    bearer = {"authorization": f"Bearer {live.key(name)}"}
    assert [cached(live.chat(body, **bearer)) for _ in range(2)] == ["MISS", "HIT"]
    live.python(ENDS, name=name)
    time.sleep(1)  # every worker knows it
    assert cached(live.chat(body, **bearer)) == "HIT"
    time.sleep(1.6)
    assert {live.chat(body, **bearer).status for _ in range(4)} == {401}


MOVED = """
from keys.models import ProviderCredential
row, _ = ProviderCredential.objects.get_or_create(name="moved", provider="together")
row.base_url = base_url
row.put_secret("sk-moved", "0" * 12)
row.save()
"""
GONE = 'from keys.models import ProviderCredential\nProviderCredential.objects.filter(name="moved").delete()'


def test_another_address_or_provider_of_a_model_finds_no_old_answer(open_live: Live) -> None:
    live, url = open_live, open_live.upstream.url
    body = hello(model="together/some-model", temperature=0)
    states = []
    for address in (f"{url}/here/v1", f"{url}/there/v1", f"{url}/here/v1"):
        live.python(MOVED, base_url=address)
        time.sleep(1)  # every worker knows it
        states.append(cached(live.chat(body)))
    live.python(GONE)
    assert states == ["MISS", "MISS", "HIT"]
    assert [call.path for call in live.upstream.calls] == ["/here/v1/chat/completions", "/there/v1/chat/completions"]


def test_a_redis_that_lost_everything_costs_no_answer_that_was_paid(live: Live) -> None:
    body = hello(temperature=0)
    first = live.chat(body)
    assert cached(first) == "MISS"
    live.usage(with_request_id(first))  # its row has landed
    with redis.Redis.from_url(live.valkey.url, db=1) as client:
        client.flushall()
        found = [live.chat({**body, "stream": streamed}) for streamed in (False, True, False)]
        assert client.keys("c:*")
    assert [cached(one) for one in found] == ["HIT"] * 3
    assert live.upstream.count == 1


# -- how it comes back -------------------------------------------------------------------------------------------------
CALLS: list[dict[str, Any]] = [
    {"id": f"call_{at}", "type": "function", "function": {"name": "weather", "arguments": f'{{"city":"{city}"}}'}}
    for at, city in enumerate(("Rome", "Oslo"))
]


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_calls_of_a_hit_are_whole_in_either_form(live: Live, streamed: bool) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": CALLS}
    whole = json.loads(openai_answer(finish="tool_calls"))
    whole["choices"][0]["message"] = message
    live.upstream.script(answer(whole))
    body = hello(temperature=0, tools=[TOOL])
    assert cached(live.chat({**body, "stream": streamed})) == "MISS"
    plain, told = live.chat(body), live.chat({**body, "stream": True, "stream_options": {"include_usage": True}})
    assert [cached(one) for one in (plain, told)] == ["HIT", "HIT"]
    assert plain.json()["choices"][0]["message"]["tool_calls"] == CALLS
    pieces = chunks(told.body)
    assert pieces[0]["choices"][0]["delta"]["role"] == "assistant"
    calls: dict[int, list[str]] = {}
    for piece in pieces[:-1]:
        for call in piece["choices"][0]["delta"].get("tool_calls", []):
            heard = calls.setdefault(call["index"], [call.get("id", ""), ""])
            heard[1] += call["function"].get("arguments", "")
    assert calls == {at: [call["id"], call["function"]["arguments"]] for at, call in enumerate(CALLS)}
    assert pieces[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert (pieces[-1]["choices"], pieces[-1]["usage"]) == ([], whole["usage"])
    assert {piece["id"] for piece in pieces} == {whole["id"]}


def test_a_hit_has_a_usage_chunk_only_where_it_was_asked_for(live: Live) -> None:
    live.upstream.script(stream(openai_stream()))
    body = hello(temperature=0, stream=True)
    assert cached(live.chat(body)) == "MISS"
    without = live.chat(body)
    assert cached(without) == "HIT"
    assert not any(piece.get("usage") for piece in chunks(without.body))
