"""Cohere's answers, streams and errors as OpenAI clients get them. Shapes after https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.chat import ChatResponse, Choice, Citation, Text
from proxy_api.dialects import cohere, openai_chat
from proxy_api.errors import BadRequest, UpstreamError, UpstreamIncomplete
from proxy_api.framing import sse
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.wire import chunks, frames, joined

USAGE = {
    "billed_units": {"input_tokens": 2, "output_tokens": 3},
    "tokens": {"input_tokens": 20.0, "output_tokens": 5, "reasoning_tokens": 4},
    "cached_tokens": 8,
}


def answer(reason: str | None = "COMPLETE", **message: Any) -> dict[str, Any]:
    body = {"id": "c1", "message": {"role": "assistant", **message}, "finish_reason": reason, "usage": USAGE}
    return openai_chat.write_response(cohere.read_response(body, 7))


def call(id: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_thinking_is_reasoning_and_texts_are_joined() -> None:
    said = answer(content=[{"type": "thinking", "thinking": "Hm."}, text("14"), text("4")])
    message = said["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("144", "Hm.")
    usage = said["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (20, 5, 25)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 8
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 4
    assert (said["id"], said["created"]) == ("c1", 7)


def test_the_plan_of_calls_is_reasoning_and_no_text() -> None:
    calls = [call("a", '{"x":1}'), call("b", "")]
    choice = answer("TOOL_CALL", tool_plan="I will look.", tool_calls=calls)["choices"][0]
    assert choice["message"]["reasoning_content"] == "I will look."
    assert choice["message"]["content"] is None
    assert [one["function"]["arguments"] for one in choice["message"]["tool_calls"]] == ['{"x":1}', "{}"]
    assert choice["finish_reason"] == "tool_calls"


CITATION = {
    "start": 0,
    "end": 3,
    "text": "Sun",
    "sources": [{"type": "tool", "id": "a:0", "tool_output": {"url": "https://example.com", "title": "Sky"}}],
}
UNTITLED = {
    "start": 4,
    "end": 7,
    "text": "day",
    "sources": [{"type": "document", "id": "d", "document": {"text": "x"}}],
}


def test_citations_are_told_beside_the_text() -> None:
    message = answer(content=[text("Sunday")], citations=[CITATION, UNTITLED])["choices"][0]["message"]
    assert message["content"] == "Sunday"
    web, document = message["annotations"]
    assert web["url_citation"]["url"] == "https://example.com"
    assert (web["url_citation"]["title"], web["url_citation"]["end_index"]) == ("Sky", 3)
    assert document["document_citation"]["citation"] == UNTITLED


def test_other_makers_citations_are_not_told_as_coheres() -> None:
    cited = (Citation(0, 3, "https://example.com", "Sky"), Citation(0, 3, None, "Doc", {"type": "page_location"}))
    response = ChatResponse("c1", "", 7, (Choice(0, (Text("Sun", citations=cited),), "stop", "COMPLETE"),))
    plain = ChatResponse("c1", "", 7, (Choice(0, (Text("Sun"),), "stop", "COMPLETE"),))
    assert cohere.read_response(cohere.write_response(response), 7) == plain
    raw = joined(cohere.write_stream(replay(response), include_usage=True))
    assert collect(cohere.read_stream(frames(raw), 7)) == plain


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("TIMEOUT", "length"),
        ("ERROR", "stop"),
        ("A_WORD_OF_TOMORROW", "stop"),
    ],
)
def test_every_finish_reason_has_openais(native: str, reason: str) -> None:
    choice = answer(native, content=[text("x")])["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_an_answer_that_is_none_is_an_error() -> None:
    for native in ("ERROR", "TIMEOUT"):
        with pytest.raises(UpstreamError, match=native):
            answer(native)
    with pytest.raises(UpstreamIncomplete):
        answer(None, content=[text("x")])
    with pytest.raises(UpstreamError, match="Sorry"):
        cohere.read_response({"id": "c1", "message": "Sorry."}, 1)
    with pytest.raises(UpstreamError):
        cohere.read_response([], 1)


def test_log_probabilities_of_a_piece_are_joined() -> None:
    body = {"message": {"content": [text("ab")]}, "finish_reason": "COMPLETE"}
    said = cohere.read_response(body | {"logprobs": [{"text": "ab", "token_ids": [1, 2], "logprobs": [-1, -2]}]}, 1)
    assert said.choices[0].logprobs == {
        "content": [{"token": "ab", "logprob": -3.0, "bytes": None, "top_logprobs": []}]
    }


START = {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}}


def event(kind: str, index: int = 0, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def ending(reason: str, **delta: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE, **delta}}


def streamed(*events: dict[str, Any], tail: bytes = b"data: [DONE]\n\n") -> list[dict[str, Any]]:
    raw = b"".join(sse(orjson.dumps(one), one["type"].encode()) for one in events) + tail
    return chunks(joined(openai_chat.write_stream(cohere.read_stream(frames(raw), 7), include_usage=True)))


def deltas(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part["choices"][0]["delta"] for part in said if part["choices"]]


def test_a_stream_of_thoughts_text_and_citations() -> None:
    said = streamed(
        START,
        event("content-start", content={"type": "thinking", "thinking": ""}),
        event("content-delta", content={"thinking": "Hm"}),
        event("content-end"),
        event("content-start", 1, content={"type": "text", "text": "Sun"}),
        event("content-delta", 1, content={"text": "day"}),
        event("citation-start", citations=CITATION),
        event("citation-end"),
        {"type": "event-of-tomorrow"},
        ending("COMPLETE"),
    )
    told = deltas(said)
    assert told[1:4] == [
        {"reasoning": {"content": "Hm"}, "reasoning_content": "Hm"},
        {"content": "Sun"},
        {"content": "day"},
    ]
    assert "annotations" in told[4]
    assert said[-1]["usage"]["prompt_tokens"] == 20
    assert said[-2]["choices"][0]["finish_reason"] == "stop"


def test_a_stream_of_a_plan_and_calls_counted_from_zero() -> None:
    first = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    second = {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}
    said = streamed(
        START,
        event("tool-plan-delta", tool_plan="I will"),
        event("tool-plan-delta", tool_plan=" look."),
        event("tool-call-start", 1, tool_calls=first),
        event("tool-call-delta", 1, tool_calls={"function": {"arguments": '{"x"'}}),
        event("tool-call-delta", 1, tool_calls={"function": {"arguments": ":1}"}}),
        event("tool-call-end", 1),
        event("tool-call-start", 2, tool_calls=second),
        event("tool-call-end", 2),
        ending("TOOL_CALL"),
    )
    pieces = [one for delta in deltas(said) for one in delta.get("tool_calls", ())]
    told = ["".join(one["function"]["arguments"] for one in pieces if one["index"] == index) for index in (0, 1)]
    assert told == ['{"x":1}', "{}"]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas(said)) == "I will look."
    assert said[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_stream_that_fails_or_is_cut_is_told() -> None:
    with pytest.raises(UpstreamIncomplete):
        streamed(START, event("content-delta", content={"text": "x"}))
    with pytest.raises(UpstreamIncomplete):
        streamed(ending("COMPLETE"))
    with pytest.raises(UpstreamError, match="Broke"):
        streamed(START, ending("ERROR", error="Broke."))
    with pytest.raises(UpstreamError, match="Broke"):
        streamed(START, tail=b'data: {"message":"Broke."}\n\n')


@pytest.mark.parametrize(
    ("status", "body", "seen", "code"),
    [
        (400, {"message": "No.", "id": "1"}, 400, None),
        (400, {"message": "No.", "error_type": "BAD_WORD"}, 400, "bad_word"),
        (
            400,
            {"message": "too many tokens: size limit exceeded", "error_type": "TOO_MANY_TOKENS"},
            400,
            "context_length_exceeded",
        ),
        (404, {"message": "model 'x' not found"}, 404, "model_not_found"),
        (401, {"message": "invalid api token"}, 502, "provider_auth"),
        (429, {"message": "Slow."}, 429, "rate_limit_exceeded"),
    ],
)
def test_errors_keep_the_sentence_and_have_a_code(status: int, body: Any, seen: int, code: str | None) -> None:
    error = cohere.read_error(status, {}, orjson.dumps(body))
    assert (error.status, error.code) == (seen, code)
    assert error.message == body["message"] or status == 401


def test_our_errors_have_coheres_form() -> None:
    assert cohere.write_error(BadRequest("No", param="n")) == {"message": "No"}
    assert cohere.read_error(500, {}, b"<html>").message == "<html>"
