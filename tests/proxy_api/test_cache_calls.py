"""The cache as its callers see it, beyond the contract: what is kept, for whom, and what each header does about it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.bodies import HELLO, anthropic_answer, openai_answer, openai_stream
from tests.live import Answer, Live
from tests.loopback import answer, stream
from tests.proxy_api.asking import CLAUDE, anthropic, cached, hello, refusal, with_request_id

ALIAS = """
from proxy_api.models import Alias
Alias.objects.filter(name=name).delete()
if targets:
    Alias.objects.create(name=name, targets=targets)
"""
KEYS = """
from keys.models import Project, VirtualKey
project = Project.objects.get_or_create(name="sharing")[0] if scope == "project" else None
VirtualKey.objects.filter(name__startswith=name).update(cache_scope=scope, project=project)
"""


def said(found: Answer) -> str:
    return str(found.json()["choices"][0]["message"]["content"])


def why(found: Answer) -> str:
    assert found.status == 200, found.body
    return found.headers["x-dragoman-cache"]


# -- only what is kept ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fields", [{"temperature": 0}, {"temperature": 1}, {"temperature": 0, "stream": True}])
def test_only_if_cached_calls_no_provider(live: Live, fields: dict[str, Any]) -> None:
    found = live.chat(hello(**fields), cache_control="only-if-cached")
    assert (found.status, refusal(found)["code"]) == (504, "cache_miss")
    assert found.headers["x-should-retry"] == "false"
    assert "cache-control" not in found.headers
    assert live.upstream.count == 0
    row = live.usage(with_request_id(found))
    assert (row["status"], row["error_code"], row["attempts"]) == ("refused", "cache_miss", 0)


def test_only_if_cached_takes_what_is_kept(live: Live) -> None:
    body = hello(temperature=0)
    assert cached(live.chat(body)) == "MISS"
    assert cached(live.chat(body, cache_control="only-if-cached")) == "HIT"
    assert live.chat(body, cache_control="only-if-cached, no-cache").status == 504
    assert live.upstream.count == 1


def test_each_miss_says_why(live: Live) -> None:
    body = hello(temperature=0)
    assert why(live.chat(body, x_bt_cache_ttl="1")) == "stored"
    assert why(live.chat(body, cache_control="no-cache", x_bt_cache_ttl="1")) == "stored; no-cache"
    assert why(live.chat(body, cache_control="no-cache, no-store")) == "bypass; cache-control"
    assert why(live.chat(body, x_bt_use_cache="never")) == "bypass; never"
    time.sleep(1.05)
    assert why(live.chat(body, cache_control="no-store")) == "miss; stale"


# -- what is kept, and what not ------------------------------------------------------------------------------------
def test_headers_of_one_call_are_neither_passed_on_nor_replayed(live: Live) -> None:
    theirs = [
        ("Set-Cookie", "session=theirs"),
        ("X-Request-Id", "req-theirs"),
        ("X-RateLimit-Remaining-Requests", "41"),
        ("Openai-Organization", "theirs"),
        ("Cf-Ray", "theirs"),
        ("Server", "theirs"),
    ]
    live.upstream.script(answer(openai_answer(), headers=theirs))
    body = hello(temperature=0)
    miss, hit, streamed = live.chat(body), live.chat(body), live.chat({**body, "stream": True})
    assert [cached(one) for one in (miss, hit, streamed)] == ["MISS", "HIT", "HIT"]
    for one in (miss, hit, streamed):
        assert "theirs" not in str(one.headers)
        assert not {"set-cookie", "x-ratelimit-remaining-requests", "x-upstream-request-id"} & set(one.headers)
    assert len({with_request_id(one) for one in (miss, hit, streamed)}) == 3


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
def test_an_answer_of_another_media_type_is_given_and_not_kept(live: Live, kind: str) -> None:
    live.upstream.script(answer(openai_answer(), content_type=kind))
    body = hello(temperature=0)
    assert [cached(live.chat(body)) for _ in range(2)] == ["MISS", "MISS"]


def test_a_filtered_answer_is_given_and_not_kept(live: Live) -> None:
    live.upstream.script(answer(openai_answer(finish="content_filter")))
    body = hello(temperature=0)
    assert [cached(live.chat(body)) for _ in range(2)] == ["MISS", "MISS"]


def test_a_hit_says_what_was_left_out_and_a_strict_call_finds_none(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    body = hello(model=CLAUDE, temperature=0, logit_bias={"50256": 1})
    miss, hit = live.chat(body), live.chat(body)
    assert (cached(miss), cached(hit)) == ("MISS", "HIT")
    assert miss.headers["x-dragoman-dropped"] == hit.headers["x-dragoman-dropped"] == "logit_bias"
    assert live.usage(with_request_id(hit))["dropped"] == live.usage(with_request_id(miss))["dropped"]
    assert live.chat(body, x_dragoman_strict="1").status == 400


# -- for whom --------------------------------------------------------------------------------------------------------
@pytest.fixture
def alias(live: Live) -> Iterator[Any]:
    """Points `cached-alias` at targets; known to every worker on return."""

    def point(*targets: str) -> None:
        live.python(ALIAS, name="cached-alias", targets=list(targets))
        time.sleep(1)

    yield point
    live.python(ALIAS, name="cached-alias", targets=[])


def test_an_alias_pointed_elsewhere_serves_no_old_answer(live: Live, alias: Any) -> None:
    anthropic(live, answer(anthropic_answer("From Anthropic")))
    body = hello(model="cached-alias", temperature=0)
    alias("openai/gpt-4o-mini", CLAUDE)
    assert [cached(live.chat(body)) for _ in range(2)] == ["MISS", "HIT"]
    alias(CLAUDE, "openai/gpt-4o-mini")
    found = live.chat(body)
    assert (cached(found), said(found)) == ("MISS", "From Anthropic")
    alias("openai/gpt-4o-mini")
    found = live.chat(body)
    assert (cached(found), said(found)) == ("HIT", HELLO)


@pytest.mark.parametrize(("scope", "second"), [("key", "MISS"), ("project", "HIT"), ("everyone", "HIT")])
def test_two_keys_share_answers_only_where_both_do(live: Live, scope: str, second: str) -> None:
    first, other = (live.key(f"{scope}-sharing-{at}") for at in (1, 2))
    live.python(KEYS, name=f"{scope}-sharing-", scope=scope)
    body = hello(temperature=0)
    states = [cached(live.chat(body, authorization=f"Bearer {token}")) for token in (first, other, live.token)]
    assert states == ["MISS", second, "MISS"]


def test_a_temporary_credential_shares_the_cache_of_its_key(live: Live) -> None:
    body = hello(temperature=0)
    assert cached(live.chat(body)) == "MISS"
    for _ in range(2):
        made = live.request("POST", "/v1/proxy/credentials", {"model": None, "ttl_seconds": 60}).json()["key"]
        assert cached(live.chat(body, authorization=f"Bearer {made}")) == "HIT"


def test_a_value_moved_to_another_keys_address_is_a_miss_and_gone(live: Live) -> None:
    other, body = live.key("victim"), hello(temperature=0)
    live.upstream.then(answer(openai_answer("Mine alone")))
    mine = live.usage(with_request_id(live.chat(body)))["cache_digest"]
    theirs = live.usage(with_request_id(live.chat(body, authorization=f"Bearer {other}")))["cache_digest"]
    with redis.Redis.from_url(live.valkey.url, db=1) as client:
        assert client.copy(f"c:{mine}", f"c:{theirs}", replace=True)
        live.python("from cache_admin.models import StoredCompletion\nStoredCompletion.objects.all().delete()")
        found = live.chat(body, authorization=f"Bearer {other}", cache_control="no-store")
        assert (cached(found), said(found)) == ("MISS", HELLO)
        assert not client.exists(f"c:{theirs}")
    assert live.upstream.count == 3


# -- how it is sent --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("streamed", [False, True])
def test_a_hit_comes_in_one_write(live: Live, streamed: bool) -> None:
    """Head and body in the first segment, whatever the length of the stream that it was."""
    live.upstream.script(stream(openai_stream(" ".join(["word"] * 60))))
    model, ask = "openai/gpt-4o-mini", hello(temperature=0)["messages"][0]["content"]
    body = f'{{"model":"{model}","temperature":0,"messages":[{{"role":"user","content":"{ask}"}}]'
    asked = f'{body},"stream":{str(streamed).lower()}}}'.encode()
    assert cached(live.request("POST", "/v1/chat/completions", f'{body},"stream":true}}'.encode())) == "MISS"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {live.token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(asked)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port)) as client:
        for _ in range(5):
            client.sendall(head.encode() + asked)
            found = client.recv(1 << 20)
            assert b"x-bt-cached: hit" in found.lower()
            assert found.endswith(b"data: [DONE]\n\n" if streamed else b"}")
            assert found.count(b"word") >= 60
