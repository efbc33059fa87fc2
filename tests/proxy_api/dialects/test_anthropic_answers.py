"""Anthropic's answers and streams as OpenAI clients get them.

Shapes after https://platform.claude.com/docs/en/api/messages and
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy_api.chat import Reasoning
from proxy_api.dialects import anthropic, openai_chat
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame
from tests.proxy_api.dialects.wire import anthropic_stream, chunks, frames, joined

USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 20,
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 3},
}


def answer(*content: dict[str, Any], stop_reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": list(content)}
    body = {**message, "stop_reason": stop_reason, "usage": USAGE, **fields}
    return openai_chat.write_response(anthropic.read_response(body, 1700000000))


def test_b8_two_calls_and_two_texts_all_arrive() -> None:
    said = answer(
        {"type": "text", "text": "Let me "},
        {"type": "text", "text": "see."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        stop_reason="tool_use",
    )
    message = said["choices"][0]["message"]
    assert message["content"] == "Let me see."
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert said["choices"][0]["finish_reason"] == "tool_calls"
    assert (said["id"], said["model"], said["created"]) == ("msg_1", "claude-x", 1700000000)


def test_usage_has_openais_meaning() -> None:
    usage = answer({"type": "text", "text": "x"})["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (35, 7, 42)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 20, "cache_write_tokens": 5, "cache_creation_tokens": 5}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}


def test_m19_every_thought_is_listed_with_its_signature() -> None:
    message = answer(
        {"type": "thinking", "thinking": "one ", "signature": "s1"},
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "thinking", "thinking": "two", "signature": "s2"},
        {"type": "text", "text": "x"},
    )["choices"][0]["message"]
    assert message["reasoning"] == [
        {"id": "s1", "content": "one "},
        {"id": None, "redacted": "sealed"},
        {"id": "s2", "content": "two"},
    ]
    assert message["reasoning_content"] == "one two"


def test_an_empty_signature_is_none() -> None:
    """It proves nothing: given back to Anthropic it would be answered with 400."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    assert answer(thought)["choices"][0]["message"]["reasoning"] == [{"id": None, "content": "Hm."}]
    turn = {"role": "assistant", "content": [thought]}
    assert anthropic.read_request({"model": "m", "messages": [turn]}).messages[0].parts == (Reasoning("Hm."),)


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("a_reason_of_tomorrow", "stop"),
    ],
)
def test_every_stop_reason_has_a_finish_reason(native: str, reason: str) -> None:
    choice = answer({"type": "text", "text": "x"}, stop_reason=native)["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_a_refusal_is_explained_in_its_own_field() -> None:
    said = answer(stop_reason="refusal", stop_details={"type": "refusal", "explanation": "No."})
    message = said["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "No.")


def test_blocks_of_server_tools_are_no_part_of_the_answer() -> None:
    said = answer(
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "Found.", "citations": [{"type": "web_search_result_location"}]},
        {"type": "block_of_tomorrow"},
    )
    assert said["choices"][0]["message"]["content"] == "Found."
    assert "tool_calls" not in said["choices"][0]["message"]


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(UpstreamIncomplete):
        answer({"type": "text", "text": "x"}, stop_reason=None)
    for body in ([], {}, {"content": "x"}, None):
        with pytest.raises(UpstreamError):
            anthropic.read_response(body, 1)


def test_an_error_object_in_a_200_is_mapped() -> None:
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}
    with pytest.raises(GatewayError, match="Slow down") as caught:
        anthropic.read_response(body, 1)
    assert (caught.value.status, caught.value.code) == (429, "rate_limit_exceeded")


START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 10}}}
STOP = {"type": "message_stop"}


def opened(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def grown(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str, **delta: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **delta}, "usage": {"output_tokens": 3}}


def told(*events: dict[str, Any], include_usage: bool = False) -> list[dict[str, Any]]:
    """The client's chunks; the stream must end with [DONE] and nothing after it."""
    raw = crossed(anthropic_stream(*events), include_usage)
    assert raw.endswith(b"data: [DONE]\n\n")
    assert raw.count(b"[DONE]") == 1
    return chunks(raw)


def crossed(upstream: bytes, include_usage: bool = False) -> bytes:
    return joined(openai_chat.write_stream(anthropic.read_stream(frames(upstream), 1700000000), include_usage))


def deltas(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in said if chunk["choices"]]


def test_a_text_stream_has_role_text_finish_and_one_envelope() -> None:
    said = told(
        START,
        {"type": "ping"},
        opened(0, type="text", text=""),
        grown(0, type="text_delta", text="Hel"),
        grown(0, type="text_delta", text="lo"),
        closed(0),
        ending("end_turn"),
        STOP,
    )
    assert deltas(said) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None, None, None, "stop"]
    envelope = {(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in said}
    assert envelope == {("msg_1", 1700000000, "claude-x", "chat.completion.chunk")}
    assert said[-1]["choices"][0]["native_finish_reason"] == "end_turn"


def test_b7_a_four_byte_character_split_over_reads_arrives_whole() -> None:
    said = told(START, grown(0, type="text_delta", text="a😀b"), ending("end_turn"), STOP)
    assert {"content": "a😀b"} in deltas(said)


def test_b22_usage_comes_last_and_only_where_asked_for() -> None:
    events = (START, grown(0, type="text_delta", text="x"), ending("end_turn"), STOP)
    with_usage = told(*events, include_usage=True)
    assert with_usage[-1]["choices"] == []
    assert with_usage[-1]["usage"]["prompt_tokens"] == 10
    assert with_usage[-1]["usage"]["completion_tokens"] == 3
    assert all(chunk["usage"] is None for chunk in with_usage[:-1])
    assert all("usage" not in chunk and chunk["choices"] for chunk in told(*events))


def test_parallel_calls_are_counted_from_zero_with_id_and_name_first() -> None:
    said = told(
        START,
        opened(0, type="text", text=""),
        closed(0),
        opened(1, type="tool_use", id="a", name="f", input={}),
        grown(1, type="input_json_delta", partial_json=""),
        grown(1, type="input_json_delta", partial_json='{"x"'),
        grown(1, type="input_json_delta", partial_json=":1}"),
        closed(1),
        opened(2, type="tool_use", id="b", name="g", input={}),
        closed(2),
        ending("tool_use"),
        STOP,
    )
    calls = [call for delta in deltas(said) for call in delta.get("tool_calls", [])]
    assert calls == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert said[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_m19_thinking_is_an_object_in_the_delta_and_its_signature_follows() -> None:
    said = told(
        START,
        opened(0, type="thinking", thinking="", signature=""),
        grown(0, type="thinking_delta", thinking="hm"),
        grown(0, type="signature_delta", signature="sig"),
        closed(0),
        grown(1, type="text_delta", text="x"),
        ending("end_turn"),
        STOP,
    )
    assert deltas(said)[1:3] == [
        {"reasoning": {"content": "hm"}, "reasoning_content": "hm"},
        {"reasoning": {"id": "sig"}},
    ]


def test_b11_refusal_pause_redacted_and_the_unknown_end_in_order() -> None:
    said = told(
        START,
        opened(0, type="redacted_thinking", data="sealed"),
        closed(0),
        opened(1, type="server_tool_use", id="s", name="web_search", input={}),
        grown(1, type="input_json_delta", partial_json='{"query":'),
        closed(1),
        grown(2, type="citations_delta", citation={}),
        grown(2, type="delta_of_tomorrow"),
        {"type": "event_of_tomorrow"},
        ending("refusal", stop_details={"type": "refusal", "explanation": "No."}),
        STOP,
        {"type": "ping"},
    )
    assert deltas(said)[1:] == [{"reasoning": {"id": None, "redacted": "sealed"}}, {"refusal": "No."}, {}]
    assert said[-1]["choices"][0]["finish_reason"] == "content_filter"
    paused = told(START, grown(0, type="text_delta", text="x"), ending("pause_turn"), STOP)
    assert paused[-1]["choices"][0]["finish_reason"] == "stop"


def test_b11_an_error_event_is_raised_with_the_providers_sentence() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(UpstreamError, match="Overloaded") as caught:
        crossed(anthropic_stream(START, grown(0, type="text_delta", text="x"), error, STOP))
    assert (caught.value.status, caught.value.retryable) == (503, True)


@pytest.mark.parametrize(
    "events",
    [
        (),
        (START,),
        (START, grown(0, type="text_delta", text="x")),
        (START, grown(0, type="text_delta", text="x"), ending("end_turn")),
        (START, grown(0, type="text_delta", text="x"), STOP),
        (ending("end_turn"), STOP),
    ],
)
def test_a_stream_without_its_end_is_incomplete(events: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(UpstreamIncomplete):
        crossed(anthropic_stream(*events))


@pytest.mark.parametrize("data", [b"{", b"[1]", b"null", b"\xff"])
def test_an_event_that_is_no_json_object_is_an_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        crossed(anthropic_stream(START) + b"data: " + data + b"\n\n")


def test_silences_pass_and_nothing_is_read_after_the_end() -> None:
    def upstream() -> Iterator[Frame | None]:
        yield None
        for event in (START, ending("end_turn"), STOP):
            yield Frame(b"", None, orjson.dumps(event))
        raise AssertionError("read past the end")

    said = list(openai_chat.write_stream(anthropic.read_stream(upstream(), 1), False))
    assert said[0] is None
    assert said[-1] == b"data: [DONE]\n\n"
