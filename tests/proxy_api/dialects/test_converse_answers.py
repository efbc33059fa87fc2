"""Bedrock's Converse answers, streams and exceptions as OpenAI clients get them.

Shapes after https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy_api.dialects import bedrock_converse, openai_chat
from proxy_api.dialects.asked import response_as_asked
from proxy_api.errors import BadRequest, GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame
from proxy_api.framing_aws import event, message
from tests.proxy_api.dialects.wire import chunks, joined

USAGE = {
    "inputTokens": 10,
    "outputTokens": 7,
    "totalTokens": 42,
    "cacheReadInputTokens": 20,
    "cacheWriteInputTokens": 5,
}


def answer(*content: dict[str, Any], stop: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    said = {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": stop, "usage": USAGE}
    return openai_chat.write_response(bedrock_converse.read_response({**said, **fields}, 1700000000))


def call(name: str, given: Any, **more: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": f"tooluse_{name}", "name": name, "input": given, **more}}


def test_b19_two_calls_and_all_texts_arrive() -> None:
    said = answer({"text": "Let me "}, {"text": "see."}, call("f", {"x": 1}), call("g", {}), stop="tool_use")
    choice = said["choices"][0]
    assert choice["message"]["content"] == "Let me see."
    assert choice["message"]["tool_calls"] == [
        {"id": "tooluse_f", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "tooluse_g", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert (choice["finish_reason"], said["created"]) == ("tool_calls", 1700000000)


def test_b19_usage_counts_what_the_cache_gave_and_took() -> None:
    usage = answer({"text": "x"})["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (35, 7, 42)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 20, "cache_write_tokens": 5, "cache_creation_tokens": 5}


def test_b19_every_thought_is_listed_with_its_signature() -> None:
    said = answer(
        {"reasoningContent": {"reasoningText": {"text": "one ", "signature": "s1"}}},
        {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
        {"reasoningContent": {"reasoningText": {"text": "two"}}},
        {"text": "x"},
    )["choices"][0]["message"]
    assert said["reasoning"] == [
        {"id": "s1", "content": "one "},
        {"id": None, "redacted": "c2VhbGVk"},
        {"id": None, "content": "two"},
    ]
    assert said["reasoning_content"] == "one two"


def test_cited_text_is_text_and_tools_that_ran_at_amazon_are_no_calls() -> None:
    said = answer(
        call("nova_grounding", {"query": "x"}, type="server_tool_use"),
        {"toolResult": {"toolUseId": "t", "content": [{"json": {}}], "type": "nova_grounding_result"}},
        {"citationsContent": {"content": [{"text": "Found "}, {"text": "it."}], "citations": [{"title": "a"}]}},
        {"block_of_tomorrow": {}},
    )["choices"][0]
    assert said["message"]["content"] == "Found it."
    assert "tool_calls" not in said["message"]
    assert said["finish_reason"] == "stop"


def test_an_image_that_the_model_made_is_kept() -> None:
    body: dict[str, Any] = {
        "output": {"message": {"content": [{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]}},
        "stopReason": "end_turn",
    }
    part = bedrock_converse.read_response(body, 1).choices[0].parts[0]
    assert (part.media_type, part.data) == ("image/png", "iVBORw0KGgo=")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("refusal", "content_filter"),
        ("malformed_tool_use", "stop"),
        ("a_reason_of_tomorrow", "stop"),
    ],
)
def test_every_stop_reason_has_a_finish_reason(native: str, reason: str) -> None:
    choice = answer({"text": "x"}, stop=native)["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_calls_with_a_normal_stop_are_what_it_stopped_for() -> None:
    assert answer(call("f", {}), stop="end_turn")["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("native", ["malformed_model_output", "malformed_tool_use"])
def test_a_fault_of_the_model_that_left_nothing_is_an_error(native: str) -> None:
    with pytest.raises(UpstreamError, match=native):
        answer(stop=native)


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(UpstreamIncomplete):
        answer({"text": "x"}, stop=None)
    bodies: list[Any] = [[], {}, {"output": {}}, {"output": {"message": {"content": "x"}}}, None, {"message": "no"}]
    for body in bodies:
        with pytest.raises(UpstreamError):
            bedrock_converse.read_response(body, 1)


def test_the_forced_tool_of_an_answer_format_becomes_content() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    messages = [{"role": "user", "content": "x"}]
    asked = openai_chat.read_request({"model": "m", "messages": messages, "response_format": form})
    body = {"output": {"message": {"content": [call("json", {"a": 1})]}}, "stopReason": "tool_use"}
    said = openai_chat.write_response(response_as_asked(bedrock_converse.read_response(body, 1), asked))
    assert said["choices"][0]["message"]["content"] == '{"a":1}'
    assert said["choices"][0]["finish_reason"] == "stop"


def framed(kind: str, **fields: Any) -> bytes:
    """An event as Bedrock sends it, padding included."""
    return event(kind, orjson.dumps({**fields, "p": "abcdefg"}))


def delta(index: int, **said: Any) -> bytes:
    return framed("contentBlockDelta", contentBlockIndex=index, delta=said)


def closed(index: int) -> bytes:
    return framed("contentBlockStop", contentBlockIndex=index)


def opened(index: int, **call: Any) -> bytes:
    return framed("contentBlockStart", contentBlockIndex=index, start={"toolUse": call})


START = framed("messageStart", role="assistant")
METADATA = framed("metadata", usage=USAGE, metrics={"latencyMs": 5})


def stop(reason: str) -> bytes:
    return framed("messageStop", stopReason=reason)


def exception(kind: str, text: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(orjson.dumps({"message": text}), headers)


def crossed(upstream: bytes, include_usage: bool = False, step: int = 1) -> bytes:
    pieces = iter(upstream[at : at + step] for at in range(0, len(upstream), step))
    events = bedrock_converse.read_stream(bedrock_converse.frames(pieces), 1700000000)
    return joined(openai_chat.write_stream(events, include_usage))


def told(*upstream: bytes, include_usage: bool = False) -> list[dict[str, Any]]:
    """The client's chunks; the stream must end with [DONE] and nothing after it."""
    raw = crossed(b"".join(upstream), include_usage)
    assert raw.endswith(b"data: [DONE]\n\n")
    assert raw.count(b"[DONE]") == 1
    return chunks(raw)


def deltas(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in said if chunk["choices"]]


def test_b20_a_text_stream_arrives_in_pieces_with_one_envelope() -> None:
    said = told(START, delta(0, text="Hel"), delta(0, text="lo 😀"), closed(0), stop("end_turn"), METADATA)
    assert deltas(said) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo 😀"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None, None, None, "stop"]
    assert {(chunk["id"], chunk["created"], chunk["object"]) for chunk in said} == {
        (said[0]["id"], 1700000000, "chat.completion.chunk")
    }


def test_b20_each_delta_is_given_before_the_next_arrives() -> None:
    def upstream() -> Iterator[bytes | None]:
        yield START
        yield None
        yield delta(0, text="one")
        raise AssertionError("read ahead")

    events = bedrock_converse.read_stream(bedrock_converse.frames(upstream()), 1)
    written = openai_chat.write_stream(events, False)
    first = [next(written) for _ in range(3)]
    assert first[1] is None
    assert b'"one"' in (first[2] or b"")


def test_b22_usage_comes_last_and_only_where_asked_for() -> None:
    upstream = (START, delta(0, text="x"), stop("end_turn"), METADATA)
    last = told(*upstream, include_usage=True)[-1]
    assert (last["choices"], last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == ([], 35, 7)
    assert all("usage" not in chunk and chunk["choices"] for chunk in told(*upstream))


def test_parallel_calls_are_counted_from_zero_with_id_and_name_first() -> None:
    said = told(
        START,
        delta(0, text="See"),
        closed(0),
        opened(1, toolUseId="s", name="nova_grounding", type="server_tool_use"),
        delta(1, toolUse={"input": '{"q":1}'}),
        closed(1),
        opened(2, toolUseId="a", name="f", type="tool_use"),
        delta(2, toolUse={"input": ""}),
        delta(2, toolUse={"input": '{"x"'}),
        delta(2, toolUse={"input": ":1}"}),
        closed(2),
        opened(3, toolUseId="b", name="g"),
        closed(3),
        stop("tool_use"),
        METADATA,
    )
    calls = [call for piece in deltas(said) for call in piece.get("tool_calls", [])]
    assert calls == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert said[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_b19_reasoning_is_an_object_in_the_delta_and_its_signature_follows() -> None:
    said = told(
        START,
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "sig"}),
        closed(0),
        delta(1, reasoningContent={"redactedContent": "c2VhbGVk"}),
        closed(1),
        delta(2, text="x"),
        closed(2),
        stop("end_turn"),
        METADATA,
    )
    assert deltas(said)[1:4] == [
        {"reasoning": {"content": "hm"}, "reasoning_content": "hm"},
        {"reasoning": {"id": "sig"}},
        {"reasoning": {"index": 1, "id": None, "redacted": "c2VhbGVk"}},
    ]


def test_citations_results_and_events_of_tomorrow_say_nothing() -> None:
    said = told(
        START,
        delta(0, citation={"title": "a"}),
        delta(0, toolResult=[{"text": "x"}]),
        framed("eventOfTomorrow", delta=5),
        delta(0, text="y"),
        stop("guardrail_intervened"),
        METADATA,
    )
    assert deltas(said) == [{"role": "assistant", "content": ""}, {"content": "y"}, {}]
    assert said[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_stream_may_lack_its_start_and_its_metadata() -> None:
    said = told(delta(0, text="x"), stop("end_turn"))
    assert deltas(said) == [{"role": "assistant", "content": ""}, {"content": "x"}, {}]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("throttlingException", 429, "rate_limit_exceeded"),
        ("modelStreamErrorException", 502, "upstream_unavailable"),
        ("internalServerException", 502, "upstream_unavailable"),
        ("serviceUnavailableException", 503, "upstream_unavailable"),
        ("modelTimeoutException", 504, "upstream_timeout"),
        ("validationException", 400, None),
        ("exceptionOfTomorrowException", 502, "upstream_unavailable"),
    ],
)
def test_an_exception_in_mid_stream_is_raised_with_bedrocks_sentence(kind: str, status: int, code: str | None) -> None:
    with pytest.raises(GatewayError, match="It went wrong") as caught:
        crossed(START + delta(0, text="x") + exception(kind, "It went wrong") + METADATA)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_an_error_message_of_the_framing_is_raised_with_its_sentence() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "It went wrong"}
    with pytest.raises(UpstreamError, match="It went wrong"):
        crossed(START + message(b"", headers))


@pytest.mark.parametrize(
    "upstream",
    [b"", START, START + delta(0, text="x"), START + delta(0, text="x") + METADATA, (START + stop("end_turn"))[:-1]],
)
def test_a_stream_without_its_end_is_incomplete(upstream: bytes) -> None:
    with pytest.raises(UpstreamIncomplete):
        crossed(upstream)


@pytest.mark.parametrize("data", [b"{", b"[1]", b"null", b"\xff", b""])
def test_an_event_that_is_no_json_object_is_an_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        crossed(START + event("contentBlockDelta", data))


def test_a_fault_of_the_model_that_left_nothing_is_an_error_in_a_stream_too() -> None:
    with pytest.raises(UpstreamError):
        crossed(START + stop("malformed_model_output") + METADATA)


def test_nothing_is_read_after_the_end() -> None:
    def upstream() -> Iterator[Frame | None]:
        yield Frame(b"", b"messageStop", b'{"stopReason":"end_turn"}')
        yield Frame(b"", b"metadata", b"{}")
        raise AssertionError("read past the end")

    said = list(openai_chat.write_stream(bedrock_converse.read_stream(upstream(), 1), False))
    assert said[-1] == b"data: [DONE]\n\n"


def failed(status: int, name: str, text: str = "Said.", own_key: bool = False) -> GatewayError:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return bedrock_converse.read_error(status, headers, orjson.dumps({"message": text}), own_key=own_key)


@pytest.mark.parametrize(
    ("status", "name", "seen", "code", "retryable"),
    [
        (400, "ValidationException", 400, None, False),
        (403, "AccessDeniedException", 502, "provider_auth", True),
        (403, "UnrecognizedClientException", 502, "provider_auth", True),
        (400, "UnrecognizedClientException", 502, "provider_auth", True),
        (404, "ResourceNotFoundException", 404, "model_not_found", True),
        (429, "ThrottlingException", 429, "rate_limit_exceeded", True),
        (429, "ModelNotReadyException", 429, "rate_limit_exceeded", True),
        (400, "ServiceQuotaExceededException", 429, "rate_limit_exceeded", True),
        (408, "ModelTimeoutException", 504, "upstream_timeout", True),
        (424, "ModelErrorException", 502, "upstream_unavailable", True),
        (500, "InternalServerException", 502, "upstream_unavailable", True),
        (503, "ServiceUnavailableException", 503, "upstream_unavailable", True),
    ],
)
def test_every_exception_says_what_the_client_sees_and_whether_another_route_may_help(
    status: int, name: str, seen: int, code: str | None, retryable: bool
) -> None:
    error = failed(status, name)
    assert (error.status, error.code, error.retryable) == (seen, code, retryable)
    assert code == "provider_auth" or error.message == "Said."


def test_a_callers_own_key_that_is_refused_is_told_as_it_is() -> None:
    error = failed(403, "UnrecognizedClientException", "The security token is invalid.", own_key=True)
    assert (error.status, error.message) == (403, "The security token is invalid.")


@pytest.mark.parametrize(
    "text",
    [
        "Input is too long for requested model.",
        "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_a_prompt_that_is_too_long_has_its_own_code(text: str) -> None:
    assert failed(400, "ValidationException", text).code == "context_length_exceeded"


def test_the_name_is_found_in_the_body_too_and_any_body_has_a_sentence() -> None:
    body = orjson.dumps({"__type": "com.amazon.coral.service#ThrottlingException", "Message": "Slow"})
    assert bedrock_converse.read_error(400, {}, body).status == 429
    assert bedrock_converse.read_error(400, {}, body).message == "Slow"
    for said in (b"<html>", b"", b"[]", b'{"message":5}', b"null"):
        assert bedrock_converse.read_error(500, {}, said).message


def test_our_errors_have_bedrocks_form() -> None:
    assert bedrock_converse.write_error(BadRequest("No", param="n")) == {"message": "No"}
