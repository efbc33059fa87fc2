"""Mistral's answers, streams and errors as OpenAI clients get them. Shapes after https://docs.mistral.ai/api"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.chat import ChatResponse, Choice, Reasoning, Text
from proxy_api.dialects import mistral, openai_chat
from proxy_api.errors import BadRequest, UpstreamError, UpstreamIncomplete
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.wire import chunks, frames, joined, openai_stream

USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, "num_cached_tokens": 8}


def answer(message: dict[str, Any], reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    body = {"id": "m1", "created": 7, "model": "mistral-x", "choices": [choice], "usage": USAGE, **fields}
    return openai_chat.write_response(mistral.read_response(body, 1))


def call(**fields: Any) -> dict[str, Any]:
    return {"function": {"name": "weather", "arguments": '{"a": 1}'}, **fields}


def thinking(*texts: str, **fields: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts], **fields}


def test_thinking_is_reasoning_and_texts_are_joined() -> None:
    content = [
        thinking("Hm, ", "hm.", closed=True),
        {"type": "text", "text": "14"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "4"},
    ]
    message = answer({"content": content})["choices"][0]["message"]
    assert message["content"] == "144"
    assert message["reasoning"] == [{"id": None, "content": "Hm, hm."}]


def test_calls_without_type_and_index_are_whole_calls() -> None:
    calls = [call(id="abcdefghi"), call(id="null"), {"function": {"name": "clock", "arguments": {"b": 2}}}]
    said = answer({"content": "", "tool_calls": calls}, "stop")["choices"][0]
    told = said["message"]["tool_calls"]
    assert [one["function"] for one in told] == [
        {"name": "weather", "arguments": '{"a": 1}'},
        {"name": "weather", "arguments": '{"a": 1}'},
        {"name": "clock", "arguments": '{"b":2}'},
    ]
    assert told[0]["id"] == "abcdefghi"
    assert len({one["id"] for one in told}) == 3
    assert (said["finish_reason"], said["native_finish_reason"]) == ("tool_calls", "stop")


def test_cached_tokens_are_counted_wherever_they_stand() -> None:
    assert answer({"content": "x"})["usage"]["prompt_tokens_details"]["cached_tokens"] == 8


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("error", "stop"),
    ],
)
def test_every_finish_reason_has_openais(native: str, reason: str) -> None:
    choice = answer({"content": "x"}, native)["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_a_model_that_failed_before_it_said_anything_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="failed"):
        answer({"content": ""}, "error")
    with pytest.raises(UpstreamIncomplete):
        answer({"content": "x"}, None)
    with pytest.raises(UpstreamError, match="Slow"):
        mistral.read_response({"object": "error", "message": "Slow", "type": "rate_limited", "code": "1300"}, 1)


def test_a_sealed_thought_is_no_thought_of_mistrals() -> None:
    sealed = (Reasoning("Hm.", "s"), Reasoning(redacted="sealed"), Text("Hi"))
    response = ChatResponse("m1", "m", 7, (Choice(0, sealed, "stop", "stop"),))
    plain = ChatResponse("m1", "m", 7, (Choice(0, (sealed[0], sealed[2]), "stop", "stop"),))
    assert mistral.read_response(mistral.write_response(response), 7) == plain
    raw = joined(mistral.write_stream(replay(response), include_usage=True))
    assert collect(mistral.read_stream(frames(raw), 7)) == plain


def test_log_probabilities_arrive() -> None:
    logprobs = {"content": [{"token": "x", "logprob": -1}]}
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": "x"}, "logprobs": logprobs}
    assert answer({}, choices=[choice])["choices"][0]["logprobs"] == logprobs


def chunk(delta: dict[str, Any], reason: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "m1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "mistral-x",
        "choices": [choice],
    } | fields


def streamed(*parts: dict[str, Any], done: bool = True) -> list[dict[str, Any]]:
    events = mistral.read_stream(frames(openai_stream(*parts, done=done)), 1)
    return chunks(joined(openai_chat.write_stream(events, include_usage=True)))


def deltas(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part["choices"][0]["delta"] for part in said if part["choices"]]


def test_a_stream_of_thoughts_and_text_with_the_usage_in_its_last_chunk() -> None:
    said = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": [thinking("The")]}),
        chunk({"content": [thinking(" user")]}),
        chunk({"content": "14"}),
        chunk({"content": "4"}, "stop", usage=USAGE),
    )
    assert deltas(said)[1:] == [
        {"reasoning": {"content": "The"}, "reasoning_content": "The"},
        {"reasoning": {"content": " user"}, "reasoning_content": " user"},
        {"content": "14"},
        {"content": "4"},
        {},
    ]
    assert said[-1]["usage"]["prompt_tokens"] == 20
    assert said[-2]["choices"][0]["finish_reason"] == "stop"


def test_a_thought_after_a_text_or_a_closed_one_is_another_block() -> None:
    said = streamed(
        chunk({"content": [thinking("a", closed=True), thinking("b"), {"type": "text", "text": "x"}]}),
        chunk({"content": [thinking("c")]}, "stop"),
    )
    assert [delta["reasoning"].get("index", 0) for delta in deltas(said) if "reasoning" in delta] == [0, 1, 2]


def test_whole_calls_without_index_are_counted() -> None:
    calls = [call(id="abcdefghi"), call(id="bcdefghij", index=0), call(), call()]
    said = streamed(chunk({"content": "", "tool_calls": calls}, "tool_calls", usage=USAGE))
    starts = [one for delta in deltas(said) for one in delta.get("tool_calls", ()) if "id" in one]
    assert [start["index"] for start in starts] == [0, 1, 2, 3]
    assert len({start["id"] for start in starts}) == 4


def test_calls_in_pieces_are_joined_and_empty_arguments_are_an_object() -> None:
    first = {"id": "chatcmpl-tool-1", "index": 0, "function": {"name": "f", "arguments": ""}}
    said = streamed(
        chunk({"tool_calls": [first]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({"tool_calls": [{"id": "x2", "index": 1, "function": {"name": "g", "arguments": ""}}]}),
        chunk({}, "stop"),
    )
    pieces = [one for delta in deltas(said) for one in delta.get("tool_calls", ())]
    told = ["".join(one["function"]["arguments"] for one in pieces if one["index"] == index) for index in (0, 1)]
    assert told == ['{"a":1}', "{}"]
    assert said[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_cut_stream_and_an_error_in_it_are_told() -> None:
    with pytest.raises(UpstreamIncomplete):
        streamed(chunk({"content": "x"}), done=False)
    with pytest.raises(UpstreamError, match="Broke"):
        streamed(chunk({"content": "x"}), {"object": "error", "message": "Broke", "code": 500})


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (400, {"object": "error", "message": "No.", "type": "invalid_request_error", "param": "n", "code": None}, "n"),
        (422, {"detail": [{"loc": ["body", "random_seed"], "msg": "No."}]}, "seed"),
        (422, {"detail": [{"loc": ["body", "messages", 0, "user", "content"], "msg": "No."}]}, "messages[0].content"),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "No."}]}, "code": None}, "n"),
        (400, {"detail": "No."}, None),
    ],
)
def test_every_error_body_keeps_sentence_and_place(status: int, body: Any, seen: str | None) -> None:
    error = mistral.read_error(status, {}, orjson.dumps(body))
    assert (error.status, error.message, error.param) == (status, "No.", seen)


def test_errors_keep_type_and_code_and_hide_our_key() -> None:
    said = {"object": "error", "message": "Order.", "type": "invalid_request_message_order", "code": "3230"}
    error = mistral.read_error(400, {}, orjson.dumps(said))
    assert (error.type, error.code) == ("invalid_request_message_order", "3230")
    said["message"] = "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"
    assert mistral.read_error(400, {}, orjson.dumps(said)).code == "context_length_exceeded"
    error = mistral.read_error(401, {}, b'{"detail":"Invalid API Key"}')
    assert (error.status, error.code) == (502, "provider_auth")


def test_our_errors_have_mistrals_form() -> None:
    said = {"object": "error", "message": "No", "type": "invalid_request_error", "param": "n", "code": None}
    assert mistral.write_error(BadRequest("No", param="n")) == said
