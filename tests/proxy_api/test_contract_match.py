"""Where we do as the reference does (contract, section 13), line by line, against the running server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.bodies import HELLO, OPENAI_ID, openai_answer, openai_error, openai_stream, openai_usage
from tests.live import Answer, Live
from tests.loopback import Behaviour, answer, reset, stream
from tests.proxy_api.asking import CHAT, WEEK, cached, chunks, hello, refusal, text_of, with_request_id

NAMED_CREDENTIAL = """
from keys.models import ProviderCredential
row = ProviderCredential(name=name, provider="openai", base_url=base_url)
row.put_secret("sk-" + name, "test")
row.save()
result = row.id
"""
CREDENTIAL_GONE = "from keys.models import ProviderCredential\nProviderCredential.objects.get(id=id).delete()"


@pytest.fixture
def named(open_live: Live) -> Iterator[Live]:
    """The open server with a credential `second` at the same upstream, known to every worker."""
    row = open_live.python(NAMED_CREDENTIAL, name="second", base_url=f"{open_live.upstream.url}/v1")
    time.sleep(1)
    yield open_live
    open_live.python(CREDENTIAL_GONE, id=row)


def test_the_two_prefixes_answer_alike(live: Live) -> None:
    """M1 (without btorg)."""
    body = hello(temperature=0)
    first = live.request("POST", "/v1/proxy/chat/completions", body)
    second = live.request("POST", "/v1/chat/completions", body)
    assert (cached(first), cached(second)) == ("MISS", "HIT")
    assert first.body == second.body == openai_answer()
    assert live.upstream.count == 1


def test_a_key_comes_as_bearer_or_x_api_key(live: Live) -> None:
    """M3."""
    for headers in (
        {"authorization": f"Bearer {live.token}"},
        {"authorization": f"bearer {live.token}"},
        {"authorization": None, "x-api-key": live.token},
        {"authorization": None, "api-key": live.token},
    ):
        assert live.request("POST", CHAT, hello(), headers).status == 200
    assert live.upstream.count == 4


@pytest.mark.parametrize("authorization", [None, "", "Bearer a b", "Bearer", "Bearer "])
def test_no_key_and_more_or_fewer_than_two_words_are_a_missing_header(live: Live, authorization: str | None) -> None:
    """M3: the reference's text, the status and code of interface.md."""
    answer = live.request("POST", CHAT, hello(), {"authorization": authorization})
    assert answer.status == 401
    error = refusal(answer)
    assert (error["message"], error["code"]) == ("Missing Authentication header", "invalid_api_key")
    assert error["type"] == "authentication_error"
    assert live.upstream.count == 0


def test_x_bt_use_cache_is_read_in_any_case_and_refused_with_the_references_text(live: Live) -> None:
    """M4."""
    assert live.chat(hello(), x_bt_use_cache="NEVER").status == 200
    answer = live.chat(hello(), x_bt_use_cache="Maybe")
    assert answer.status == 400
    assert refusal(answer)["message"] == ("Invalid x-bt-use-cache header 'maybe'. Must be one of auto, always, never")
    assert live.upstream.count == 1


@pytest.mark.parametrize(
    ("fields", "second"),
    [
        ({"temperature": 0}, "HIT"),
        ({"temperature": 0.0}, "HIT"),
        ({"temperature": 0.7}, "MISS"),
        ({"temperature": 0.7, "seed": 0}, "HIT"),
        ({"temperature": 0.7, "seed": None}, "MISS"),
        ({}, "MISS"),
    ],
)
def test_the_cache_is_used_where_temperature_is_0_or_a_seed_is_set(
    live: Live, fields: dict[str, Any], second: str
) -> None:
    """M5 (chat)."""
    body = hello(**fields)
    assert [cached(live.chat(body)), cached(live.chat(body))] == ["MISS", second]
    assert live.upstream.count == (1 if second == "HIT" else 2)


def test_always_caches_any_temperature_and_never_neither_reads_nor_writes(live: Live) -> None:
    """M6."""
    warm = hello(temperature=1)
    assert [cached(live.chat(warm, x_bt_use_cache="always")) for _ in range(2)] == ["MISS", "HIT"]
    assert cached(live.chat(warm, x_bt_use_cache="never")) == "MISS"
    cold = hello(temperature=0)
    assert cached(live.chat(cold, x_bt_use_cache="never")) == "MISS"
    assert cached(live.chat(cold)) == "MISS"
    assert cached(live.chat(cold)) == "HIT"
    assert live.upstream.count == 4


@pytest.mark.parametrize("wish", ["no-cache", "max-age=0"])
def test_no_cache_asks_anew_and_refreshes_the_entry(live: Live, wish: str) -> None:
    """M7."""
    body = hello(temperature=0)
    live.upstream.then(answer(openai_answer("old")), answer(openai_answer("new")))
    assert cached(live.chat(body)) == "MISS"
    assert cached(live.chat(body, cache_control=wish)) == "MISS"
    assert live.upstream.wait_until(lambda: said(live.chat(body)) == "new")  # another worker may see it a moment later
    assert cached(live.chat(body)) == "HIT"
    assert live.upstream.count == 2


def said(answer: Answer) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def test_no_store_reads_but_does_not_write(live: Live) -> None:
    """M7."""
    body = hello(temperature=0)
    assert [cached(live.chat(body, cache_control="no-store")) for _ in range(2)] == ["MISS", "MISS"]
    assert cached(live.chat(body)) == "MISS"
    assert cached(live.chat(body, cache_control="no-store")) == "HIT"
    assert live.upstream.count == 3


def test_max_age_refuses_older_entries(live: Live) -> None:
    """M7."""
    body = hello(temperature=0)
    live.chat(body)
    assert cached(live.chat(body, cache_control="max-age=1")) == "HIT"
    time.sleep(1.2)
    assert cached(live.chat(body, cache_control="max-age=60")) == "HIT"
    assert cached(live.chat(body, cache_control="max-age=1")) == "MISS"
    assert live.upstream.count == 2


@pytest.mark.parametrize(("asked", "given"), [("9999999", WEEK), ("0", 1), ("-3", 1), ("60.5", 60), (None, WEEK)])
def test_the_ttl_is_clamped_and_said(live: Live, asked: str | None, given: int) -> None:
    """M8."""
    headers = {} if asked is None else {"x_bt_cache_ttl": asked}
    assert live.chat(hello(temperature=0), **headers).headers["cache-control"] == f"max-age={given}"


def test_an_entry_is_gone_after_its_ttl(live: Live) -> None:
    """M8."""
    body = hello(temperature=0)
    began = time.monotonic()
    assert live.chat(body, x_bt_cache_ttl="5").headers["cache-control"] == "max-age=5"
    assert cached(live.chat(body)) == "HIT"
    time.sleep(max(0.0, began + 3.5 - time.monotonic()))
    assert cached(live.chat(body)) == "HIT"
    time.sleep(max(0.0, began + 5.5 - time.monotonic()))
    assert cached(live.chat(body)) == "MISS"


def test_cache_headers_say_what_was_done(live: Live) -> None:
    """M9 (section 3)."""
    body = hello(temperature=0)
    miss = live.chat(body, x_bt_cache_ttl="60")
    assert (cached(miss), miss.headers["age"], miss.headers["cache-control"]) == ("MISS", "0", "max-age=60")
    time.sleep(1.1)
    hit = live.chat(body)
    assert (cached(hit), hit.headers["cache-control"]) == ("HIT", "max-age=60")
    assert hit.headers["age"] in ("1", "2")
    neither = live.chat(hello())
    assert cached(neither) == "MISS"
    assert "age" not in neither.headers
    assert "cache-control" not in neither.headers


def test_streams_carry_no_transform(live: Live) -> None:
    """M9: a miss that may be stored, one that may not, and a hit."""
    live.upstream.script(stream(openai_stream()))
    body = hello(temperature=0, stream=True)
    miss, hit, neither = live.chat(body), live.chat(body), live.chat(hello(stream=True))
    assert [cached(one) for one in (miss, hit, neither)] == ["MISS", "HIT", "MISS"]
    assert miss.headers["cache-control"] == hit.headers["cache-control"] == f"max-age={WEEK}, no-transform"
    assert neither.headers["cache-control"] == "no-cache, no-transform"
    for one in (miss, hit, neither):
        assert one.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert one.headers["x-accel-buffering"] == "no"


def test_another_key_or_organisation_never_hits(live: Live) -> None:
    """M10."""
    body, other = hello(temperature=0), live.key("other")
    assert cached(live.chat(body)) == "MISS"
    assert cached(live.chat(body, authorization=f"Bearer {other}")) == "MISS"
    assert cached(live.chat(body, authorization=f"Bearer {other}")) == "HIT"
    assert cached(live.chat(body, x_bt_org_name="acme")) == "MISS"
    assert cached(live.chat(body, x_bt_org_name="globex")) == "MISS"
    assert cached(live.chat(body, x_bt_org_name="acme")) == "HIT"
    assert cached(live.chat(body)) == "HIT"
    assert live.upstream.count == 4


def test_another_endpoint_name_never_hits(named: Live) -> None:
    """M10."""
    body = hello(temperature=0)
    asked = [{}, {"x_bt_endpoint_name": "second"}, {"x_bt_endpoint_name": "OPENAI_API_KEY"}]
    assert [cached(named.chat(body, **headers)) for headers in asked] == ["MISS"] * 3
    assert [cached(named.chat(body, **headers)) for headers in asked] == ["HIT"] * 3


def test_a_dump_of_the_stores_shows_neither_prompt_nor_answer_nor_key(live: Live) -> None:
    """M11: Redis, the table behind it, and the spool between them."""
    prompt, said = "the prompt nobody may read", "the answer nobody may read"
    live.upstream.script(answer(openai_answer(said)))
    body = hello(temperature=0, messages=[{"role": "user", "content": prompt}])
    first = live.chat(body)
    spooled = b"".join(path.read_bytes() for path in live.folder.rglob("*") if path.is_file())
    assert with_request_id(first).encode() in spooled
    live.usage(first.headers["x-request-id"])
    rows = live.rows("SELECT * FROM cache_admin_storedcompletion WHERE request_id = %s", first.headers["x-request-id"])
    assert len(rows) == 1
    columns = b"".join(bytes(v) if isinstance(v, (bytes, memoryview)) else str(v).encode() for v in rows[0].values())
    dump = everything_in_redis(live.valkey.url) + columns + spooled
    assert rows[0]["digest"].encode() in dump
    for secret in (prompt, said, live.token, "sk-upstream-openai"):
        assert secret.encode() not in dump
    assert cached(live.chat(body)) == "HIT"


def everything_in_redis(url: str) -> bytes:
    parts = []
    for database in range(3):
        with redis.Redis.from_url(url, db=database) as client:
            for key in client.scan_iter():
                parts += [key, client.dump(key) or b""]
    return b"\n".join(parts)


def test_an_answer_cached_plain_replays_plain_and_as_a_stream(live: Live) -> None:
    """M12."""
    body = hello(temperature=0)
    first = live.chat(body)
    plain, streamed = live.chat(body), live.chat({**body, "stream": True})
    assert (cached(plain), cached(streamed)) == ("HIT", "HIT")
    assert plain.body == first.body
    check_replay(chunks(streamed.body))
    assert live.upstream.count == 1


def test_an_answer_cached_from_a_stream_replays_plain_and_as_a_stream(live: Live) -> None:
    """M12, the other way round."""
    live.upstream.script(stream(openai_stream()))
    body = hello(temperature=0)
    assert cached(live.chat({**body, "stream": True})) == "MISS"
    plain, streamed = live.chat(body), live.chat({**body, "stream": True})
    assert (cached(plain), cached(streamed)) == ("HIT", "HIT")
    found = plain.json()
    assert (found["id"], found["object"], found["usage"]) == (OPENAI_ID, "chat.completion", openai_usage())
    assert found["choices"][0]["message"]["content"] == HELLO
    assert found["choices"][0]["finish_reason"] == "stop"
    check_replay(chunks(streamed.body))
    asked = live.chat({**body, "stream": True, "stream_options": {"include_usage": True}})
    assert cached(asked) == "HIT"
    assert chunks(asked.body)[-1]["usage"] == openai_usage()
    assert live.upstream.count == 1


def check_replay(found: list[dict[str, Any]]) -> None:
    assert {chunk["id"] for chunk in found} == {OPENAI_ID}
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    assert all(len(chunk["choices"]) == 1 for chunk in found)
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert text_of(found) == HELLO
    assert [chunk["choices"][0]["finish_reason"] for chunk in found if chunk["choices"][0]["finish_reason"]] == ["stop"]


FAILURES = {
    "400": (answer(openai_error("bad", "invalid_request_error"), status=400), 400),
    "429": (answer(openai_error(), status=429), 429),
    "503": (answer(b"busy", status=503, content_type="text/plain"), 503),
    "reset": (reset, 502),
}


@pytest.mark.parametrize(("behaviour", "status"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_failures_are_not_stored(live: Live, behaviour: Behaviour, status: int, streamed: bool) -> None:
    """M13."""
    live.upstream.then(behaviour)
    live.upstream.script(stream(openai_stream()) if streamed else answer(openai_answer()))
    body = hello(temperature=0, stream=streamed)
    failed = live.chat(body)
    assert failed.status == status
    refusal(failed)
    assert "cache-control" not in failed.headers
    assert [cached(live.chat(body)) for _ in range(2)] == ["MISS", "HIT"]
    assert live.upstream.count == 2


def test_x_bt_endpoint_name_picks_the_credential_and_x_bt_used_endpoint_tells_it(named: Live) -> None:
    """M17: also on a hit."""
    body = hello(temperature=0)
    for state in ("MISS", "HIT"):
        found = named.chat(body, x_bt_endpoint_name="second")
        assert (cached(found), found.headers["x-bt-used-endpoint"]) == (state, "second")
    assert [call.headers["authorization"] for call in named.upstream.calls] == ["Bearer sk-second"]
    first = named.chat(body, x_bt_endpoint_name="OPENAI_API_KEY")
    assert first.headers["x-bt-used-endpoint"] == "OPENAI_API_KEY"
    assert named.upstream.calls[-1].headers["authorization"] == "Bearer sk-upstream-openai"


def test_an_unknown_endpoint_name_is_the_no_key_error(live: Live) -> None:
    """M17."""
    found = live.chat(hello(), x_bt_endpoint_name="nobody")
    assert found.status == 404
    error = refusal(found)
    assert error["message"].startswith("No API keys found (for openai/gpt-4o-mini).")
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert live.upstream.count == 0
    assert json.dumps(error).count("sk-") == 0
