"""Where the reference is wrong and we are right (contract, section 14), line by line, against the running server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bodies import (
    HELLO,
    anthropic_answer,
    anthropic_stream,
    openai_answer,
    openai_chunk,
    openai_error,
    openai_stream,
)
from tests.bodies import anthropic_error as anthropic_failure
from tests.live import Live, started_live
from tests.loopback import (
    Behaviour,
    Upstream,
    answer,
    chunk,
    chunked_head,
    close,
    finished,
    hang,
    raw,
    reset,
    short_length,
    stream,
)
from tests.proxy_api.asking import (
    CHAT,
    CLAUDE,
    anthropic,
    cached,
    chunks,
    hello,
    payloads,
    refusal,
    text_of,
    with_request_id,
)


def test_the_models_are_a_real_list_and_a_body_without_a_model_names_what_is_missing(live: Live) -> None:
    """B1."""
    for path in ("/v1/proxy/models", "/v1/models"):
        found = live.request("GET", path)
        assert found.status == 200
        assert "openai/gpt-4o-mini" in [model["id"] for model in found.json()["data"]]
    for body in ({"messages": [{"role": "user", "content": "Hi"}]}, {"model": None, "messages": []}, {}):
        refused = live.chat(body)
        assert refused.status == 400
        assert refusal(refused)["param"] == "model"
    assert live.upstream.count == 0


IN_BAND = b'data: {"error":{"message":"The model broke","type":"server_error","code":null}}\n\n'
BROKEN_STREAMS: dict[str, Behaviour] = {
    "error event": stream([*openai_stream(done=False)[:4], IN_BAND]),
    "error event at once": stream([IN_BAND]),
    "no finish reason": stream([*openai_stream(done=False)[:4], b"data: [DONE]\n\n"]),
    "clean end without [DONE]": stream(openai_stream(done=False)[:4]),
    "reset": stream(openai_stream()[:4], end=reset),
    "closed without the last chunk": stream(openai_stream()[:4], end=close),
    "no JSON": stream([*openai_stream(done=False)[:4], b"data: <html>\n\n", b"data: [DONE]\n\n"]),
}


@pytest.mark.parametrize("behaviour", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_a_stream_that_fails_or_is_cut_says_so_and_is_not_cached(live: Live, behaviour: Behaviour) -> None:
    """B3."""
    live.upstream.then(behaviour)
    live.upstream.script(stream(openai_stream()))
    body = hello(temperature=0, stream=True)
    failed = live.chat(body)
    assert b"[DONE]" not in failed.body
    if failed.status == 200:
        assert list(json.loads(payloads(failed.body)[-1])) == ["error"]
    else:
        refusal(failed)
    assert [cached(live.chat(body)) for _ in range(2)] == ["MISS", "HIT"]
    assert live.upstream.count == 2


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", CLAUDE])
def test_nothing_private_goes_up_and_no_cookie_comes_down(live: Live, model: str) -> None:
    """B6."""
    given = openai_answer() if model != CLAUDE else anthropic_answer()
    headers = [("Set-Cookie", "session=abc"), ("X-Ratelimit-Remaining", "7"), ("Server", "secret-machine")]
    live.upstream.script(answer(given, headers=headers))
    body = hello(model=model, temperature=0)
    asked = {
        "x_api_key": "sk-client-key",
        "cookie": "sessionid=private",
        "x_forwarded_for": "10.1.2.3",
        "referer": "http://intranet/",
        "x_bt_parent": "project_id:p",
        "x_stainless_os": "Linux",
        "user_agent": "client/1",
    }
    answers = [live.chat(body, **asked), live.chat(body)]
    assert [cached(one) for one in answers] == ["MISS", "HIT"]
    sent = live.upstream.calls[0].headers
    assert not {"x-api-key" if model != CLAUDE else "authorization", "cookie", "x-forwarded-for", "referer"} & set(sent)
    assert not [name for name in sent if name.startswith(("x-bt", "x-stainless", "api-key"))]
    everything = json.dumps(sent)
    for private in ("sk-client-key", "private", "10.1.2.3", "intranet", "client/1", live.token):
        assert private not in everything
    for one in answers:
        assert "set-cookie" not in one.headers
        assert "x-ratelimit-remaining" not in one.headers
        assert "secret-machine" not in str(one.headers)


def test_a_character_split_over_two_writes_arrives_whole(live: Live) -> None:
    """B7: in a chunk of HTTP each, and in an event of Anthropic's."""
    head = chunked_head()
    frame = openai_chunk({"content": "a\U0001f600b"}).replace(b"\\ud83d\\ude00", "\U0001f600".encode())
    assert "\U0001f600".encode() in frame
    at = frame.index("\U0001f600".encode()) + 2
    rest = b"".join([openai_chunk({}, "stop"), b"data: [DONE]\n\n"])
    live.upstream.script(raw(head, chunk(frame[:at]), chunk(frame[at:]), chunk(rest), gap=0.03, end=finished))
    assert text_of(chunks(live.chat(hello(stream=True)).body)) == "a\U0001f600b"
    whole = b"".join(anthropic_stream("\U0001f600 grin")).replace(b"\\ud83d\\ude00", "\U0001f600".encode())
    at = whole.index("\U0001f600".encode()) + 1
    anthropic(live, raw(head, chunk(whole[:at]), chunk(whole[at:]), gap=0.03, end=finished))
    assert text_of(chunks(live.chat(hello(model=CLAUDE, stream=True)).body)) == "\U0001f600 grin"


@pytest.mark.parametrize("model", [5, None, ["gpt"], "m" * 5000], ids=["number", "null", "list", "long"])
def test_a_model_name_of_the_providers_that_is_none_does_no_harm(live: Live, model: object) -> None:
    """B23: the answer goes through as it came."""
    live.upstream.script(answer(openai_answer(model=model)))
    found = live.chat(hello())
    assert (found.status, found.body) == (200, openai_answer(model=model))
    assert live.usage(with_request_id(found))["status"] == "ok"


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", CLAUDE])
def test_the_usage_chunk_comes_where_it_is_asked_for_and_else_not(live: Live, model: str) -> None:
    """B22; usage is asked of the provider in any case."""
    live.upstream.script(stream(openai_stream()))
    anthropic(live, stream(anthropic_stream()))
    asked = chunks(live.chat(hello(model=model, stream=True, stream_options={"include_usage": True})).body)
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["completion_tokens"] in (10, 15)
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in asked[:-1])
    unasked = chunks(live.chat(hello(model=model, stream=True)).body)
    assert all(chunk["choices"] for chunk in unasked)
    assert not any(chunk.get("usage") for chunk in unasked)
    if model != CLAUDE:
        assert [call.json()["stream_options"] for call in live.upstream.calls] == [{"include_usage": True}] * 2


HEADERS = [("X-Provider-Secret", "do-not-tell"), ("Set-Cookie", "a=b"), ("Retry-After", "7")]
INVALID = "invalid_request_error"


def refusing(status: int, *words: str) -> Behaviour:
    """An OpenAI error (message, type, code) with headers that must not reach the client."""
    return answer(openai_error(*words), status, HEADERS)


PROVIDER_FAILURES: dict[str, tuple[Behaviour, int, str, str | None]] = {
    "400": (refusing(400, "Bad", INVALID, "too_big"), 400, INVALID, "too_big"),
    "401": (refusing(401, "Bad key sk-upstream-openai"), 502, "api_error", "provider_auth"),
    "403": (refusing(403), 502, "api_error", "provider_auth"),
    "404": (refusing(404, "No model", INVALID), 404, INVALID, "model_not_found"),
    "413": (answer(b"too large", 413, HEADERS), 413, INVALID, None),
    "422": (answer({"detail": [{"msg": "wrong"}]}, 422, HEADERS), 422, INVALID, None),
    "429": (refusing(429), 429, "requests", "rate_limit_exceeded"),
    "quota": (refusing(429, "Pay", "insufficient_quota"), 429, "insufficient_quota", "insufficient_quota"),
    "500": (answer(b"<html>oops</html>", 500, HEADERS, "text/html"), 502, "api_error", "upstream_unavailable"),
    "503": (refusing(503), 503, "api_error", "upstream_unavailable"),
    "302": (answer(b"", 302, [("Location", "http://127.0.0.1:1/")]), 502, "api_error", "upstream_unavailable"),
    "reset": (reset, 502, "api_error", "upstream_unavailable"),
    "rubbish": (answer(b"<html>", 200), 502, "api_error", "upstream_unavailable"),
    "cut": (short_length(openai_answer()), 502, "api_error", "upstream_incomplete"),
    "no choices": (answer({"id": "x"}), 502, "api_error", "upstream_incomplete"),
    "error in a 200": (refusing(200, "Broke", "server_error"), 502, "api_error", "upstream_unavailable"),
    "silence": (hang, 504, "api_error", "upstream_timeout"),
}


@pytest.mark.parametrize(
    ("behaviour", "status", "kind", "code"), PROVIDER_FAILURES.values(), ids=PROVIDER_FAILURES.keys()
)
def test_a_providers_failure_comes_in_our_shape_without_its_headers(
    live: Live, behaviour: Behaviour, status: int, kind: str, code: str | None
) -> None:
    """B23."""
    live.upstream.script(behaviour)
    found = live.chat(hello())
    assert found.status == status
    error = refusal(found)
    assert (error["type"], error["code"]) == (kind, code)
    assert "do-not-tell" not in str(found.headers) + found.body.decode()
    assert "sk-upstream" not in found.body.decode()
    assert "set-cookie" not in found.headers
    with_request_id(found)
    if status == 429:
        wait, retry = found.headers.get("retry-after"), found.headers.get("x-should-retry")
        assert (wait, retry) == ((None, "false") if code == "insufficient_quota" else ("7", None))


def test_a_key_that_the_provider_quotes_is_not_passed_on(live: Live) -> None:
    """B23, B29: neither in an answer, nor in a stream, nor in the ledger."""
    words = ("The key sk-upstream-openai belongs to another project", INVALID, "wrong_project")
    frame = b"data: " + openai_error(*words) + b"\n\n"
    cases = [(refusing(400, *words), False), (refusing(200, *words), False)]
    cases += [(stream([frame]), True), (stream([*openai_stream()[:4], frame]), True)]
    for behaviour, streamed in cases:
        live.upstream.script(behaviour)
        found = live.chat(hello(stream=streamed))
        assert b"The key [key] belongs to another project" in found.body
        assert live.usage(with_request_id(found))["error_message"] == "The key [key] belongs to another project"


def test_anthropics_failures_come_in_openais_shape(live: Live) -> None:
    """B23."""
    cases = [("invalid_request_error", 400, 400), ("overloaded_error", 529, 503), ("rate_limit_error", 429, 429)]
    for kind, theirs, ours in cases:
        anthropic(live, answer(anthropic_failure(kind, "Their sentence"), theirs))
        found = live.chat(hello(model=CLAUDE))
        assert (found.status, refusal(found)["message"]) == (ours, "Their sentence")


def test_a_ttl_that_is_no_number_is_refused_and_the_server_lives(live: Live) -> None:
    """B24."""
    refused = live.chat(hello(temperature=0), x_bt_cache_ttl="abc")
    assert refused.status == 400
    assert refusal(refused)["param"] == "x-bt-cache-ttl"
    assert live.upstream.count == 0
    assert live.chat(hello()).status == 200


def test_a_gzip_upstream_is_readable(live: Live) -> None:
    """B24."""
    packed = gzip.compress(openai_answer())
    live.upstream.script(answer(packed, headers=[("Content-Encoding", "gzip")]))
    found = live.chat(hello())
    assert found.body == openai_answer()
    assert "content-encoding" not in found.headers
    assert live.upstream.calls[0].headers["accept-encoding"] == "identity"


def test_whitespace_and_order_of_names_do_not_matter_but_order_in_a_json_schema_does(live: Live) -> None:
    """B32."""
    ask = hello(temperature=0)
    spaced = json.dumps(dict(reversed(ask.items())), indent=4).encode()
    assert cached(live.chat(ask)) == "MISS"
    assert cached(live.request("POST", CHAT, spaced)) == "HIT"
    one, other = {"type": "string"}, {"type": "integer"}
    schemas = [{"a": one, "b": other}, {"b": other, "a": one}]
    for place in (tool_with, format_with):
        bodies = [{**hello(temperature=0), "messages": ask["messages"], **place(schema)} for schema in schemas]
        assert [cached(live.chat(body)) for body in bodies] == ["MISS", "MISS"]
        assert [cached(live.chat(body)) for body in bodies] == ["HIT", "HIT"]


def tool_with(properties: dict[str, Any]) -> dict[str, Any]:
    function = {"name": "f", "parameters": {"type": "object", "properties": properties}}
    return {"tools": [{"type": "function", "function": function}]}


def format_with(properties: dict[str, Any]) -> dict[str, Any]:
    form = {"name": "f", "schema": {"type": "object", "properties": properties}}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


# -- who is called with what ---------------------------------------------------------------------------------------
OTHERS = ("groq", "together", "fireworks", "xai", "deepseek", "openrouter", "perplexity", "cerebras", "mistral")
KEYLESS = ("ollama", "custom")


@pytest.fixture(scope="module")
def many_providers() -> Iterator[tuple[Live, Upstream]]:
    """A server with a key and an address for each provider but Anthropic, all of them at one upstream."""
    with Upstream() as elsewhere:
        settings = {f"{name.upper()}_BASE_URL": f"{elsewhere.url}/{name}/v1" for name in OTHERS + KEYLESS}
        settings |= {f"{name.upper()}_API_KEY": f"key-of-{name}" for name in OTHERS}
        with started_live(**settings, ANTHROPIC_API_KEY="") as server:
            yield server, elsewhere


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"])
def test_a_claude_name_without_an_anthropic_credential_is_the_no_key_error_and_no_call(
    many_providers: tuple[Live, Upstream], model: str
) -> None:
    """B29."""
    server, elsewhere = many_providers
    before = server.upstream.count + elsewhere.count
    found = server.chat(hello(model=model))
    assert found.status == 404
    error = refusal(found)
    assert error["message"].startswith(f"No API keys found (for {model}).")
    assert error["code"] == "model_not_found"
    assert server.upstream.count + elsewhere.count == before


@pytest.mark.parametrize("provider", OTHERS + KEYLESS)
def test_every_provider_is_called_at_its_own_address_with_its_own_key_alone(
    many_providers: tuple[Live, Upstream], provider: str
) -> None:
    """B29, B30."""
    server, elsewhere = many_providers
    assert server.chat(hello(model=f"{provider}/some/model")).status == 200
    call = elsewhere.calls[-1]
    assert call.path == f"/{provider}/v1/chat/completions"
    assert call.json()["model"] == "some/model"
    assert call.headers.get("authorization") == (None if provider in KEYLESS else f"Bearer key-of-{provider}")


def test_openai_and_anthropic_are_called_at_their_configured_addresses_with_their_own_keys(live: Live) -> None:
    """B29, B30."""
    anthropic(live, answer(anthropic_answer()))
    assert live.chat(hello()).json()["choices"][0]["message"]["content"] == HELLO
    assert live.chat(hello(model="claude-sonnet-4-5")).json()["choices"][0]["message"]["content"] == HELLO
    first, second = live.upstream.calls
    assert (first.path, first.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-upstream-openai")
    assert (second.path, second.headers["x-api-key"]) == ("/v1/messages", "sk-ant-upstream")
    assert second.headers["anthropic-version"] == "2023-06-01"
    assert "sk-upstream-openai" not in str(second.headers)
    assert "sk-ant" not in str(first.headers)
