"""The verbatim way: chunks of OpenAI's family judged, folded and unfolded, the odd ones too.

Shapes after https://platform.openai.com/docs/api-reference/chat-streaming and the hosts' own pages.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)
from proxy_api.dialects import anthropic, openai_chat, openai_responses
from proxy_api.dialects.openai_chat import Tally, fold, is_usage_chunk, judge, unfold, usage_of
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.replay import collect
from tests.proxy_api.dialects.wire import chunks, frames, openai_stream, payloads


def piece(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [choice], **more}


def tallied(*parts: dict[str, Any], done: bool = True) -> Tally:
    tally = Tally()
    for data in payloads(openai_stream(*parts, done=done)):
        tally.see(data)
    return tally


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_a_stream_is_complete_with_every_finish_reason_and_done() -> None:
    first, second = piece({"content": "a"}), piece({"content": "b"}, index=1)
    assert tallied(first, second, piece(finish="stop"), piece(finish="length", index=1)).complete
    assert not tallied(first, second, piece(finish="stop")).complete
    assert not tallied(first, piece(finish="stop"), done=False).complete
    assert not tallied().complete


def test_a_stream_without_done_is_complete_only_with_the_hosts_own_last_object() -> None:
    last = piece(finish="stop") | {"object": "chat.completion.done"}
    assert tallied(piece({"content": "a"}), last, done=False).complete


def test_texts_thoughts_refusals_and_calls_are_counted_by_their_characters_and_a_thought_once() -> None:
    call = {"function": {"name": "find", "arguments": "{}"}}
    thought = {"content": "", "reasoning": "why", "reasoning_content": "why"}
    said = (piece({"content": "four"}), piece(thought), piece({"refusal": "no"}), piece({"tool_calls": [call]}))
    assert tallied(*said).written == 4 + 3 + 2 + 6
    text = {"index": 0, "text": "abc", "finish_reason": None}
    assert tallied(piece() | {"choices": [text]}).written == 3


@pytest.mark.parametrize("delta", [5, "text", ["a"], {"content": 5}, {"tool_calls": [None, 5, {"function": None}]}])
def test_a_delta_that_is_none_is_counted_as_nothing_and_ends_no_stream(delta: Any) -> None:
    assert tallied(piece(delta)).written == 0


def test_a_finish_reason_said_twice_counts_once() -> None:
    tally = tallied(piece({"content": "a"}, "stop"), piece({"content": ""}, "stop"), piece(usage=USAGE))
    assert tally.complete
    assert tally.finish_reasons == {0: "stop"}


@pytest.mark.parametrize(
    "last",
    [
        piece(finish="stop", usage=USAGE),
        piece(finish="stop", x_groq={"usage": USAGE}),
        {"id": "c1", "choices": [], "usage": USAGE},
    ],
)
def test_usage_is_found_wherever_a_host_puts_it(last: dict[str, Any]) -> None:
    tally = tallied(piece({"content": "a"}, usage=None), last)
    assert tally.usage is not None
    assert (tally.usage.input_tokens, tally.usage.output_tokens) == (3, 2)


def test_only_the_chunk_of_usage_alone_is_a_usage_chunk() -> None:
    assert is_usage_chunk({"choices": [], "usage": USAGE})
    assert not is_usage_chunk({"choices": [], "usage": None, "prompt_filter_results": []})
    assert not is_usage_chunk(piece(finish="stop", usage=USAGE))


def test_an_error_frame_is_seen_with_its_status() -> None:
    tally = tallied(piece({"content": "a"}), {"error": {"message": "Too many", "code": 429}}, done=False)
    assert tally.error is not None
    assert (tally.error.status, tally.error.message, tally.complete) == (429, "Too many", False)
    inner = piece({"content": ""}, "error")
    inner["choices"][0]["error"] = {"message": "Gone", "code": 502}
    assert tallied(inner).error is not None


@pytest.mark.parametrize("data", [b"{", b"[]", b"1", b"\xff\xfe"])
def test_a_payload_that_is_no_json_object_is_an_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        Tally().see(data)


def folded(*parts: dict[str, Any]) -> dict[str, Any]:
    return fold(payloads(openai_stream(*parts)))


def test_chunks_fold_into_the_completion_with_what_the_host_invented() -> None:
    said = folded(
        piece({"role": "assistant", "content": ""}, system_fingerprint="fp", x_host={"a": 1}),
        piece({"content": "Hel", "reasoning_content": "h"}),
        piece({"content": "lo", "reasoning_content": "m", "x_delta": [1]}),
        piece(finish="stop", usage=None),
        {"id": "c1", "choices": [], "usage": USAGE},
    )
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "hm", "x_delta": [1]}
    assert said == {
        "id": "c1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "system_fingerprint": "fp",
        "x_host": {"a": 1},
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def call(index: int | None = None, id: str | None = None, arguments: Any = None) -> dict[str, Any]:
    said: dict[str, Any] = {"function": {} if arguments is None else {"arguments": arguments}}
    if index is not None:
        said["index"] = index
    if id is not None:
        said |= {"id": id, "type": "function"}
        said["function"] = {"name": "f", "arguments": "" if arguments is None else arguments}
    return {"tool_calls": [said]}


@pytest.mark.parametrize(
    "deltas",
    [
        [call(0, "a"), call(0, arguments="{"), call(0, arguments="}"), call(1, "b", "[]")],
        [call(None, "a", "{}"), call(None, "b", "[]")],
        [call(0, "a", "{}"), call(0, "b", "[]")],
        [call(0, "a", "{"), call(0, "a", "}"), call(1, "b", "[]")],
        [call(0, "a"), call(None, arguments="{}"), call(1, "b", "[]")],
    ],
)
def test_tool_calls_find_together_however_a_host_numbers_them(deltas: list[dict[str, Any]]) -> None:
    parts = [piece(delta) for delta in deltas] + [piece(finish="tool_calls")]
    calls = folded(*parts)["choices"][0]["message"]["tool_calls"]
    assert [(said["id"], said["function"]["name"], said["function"]["arguments"]) for said in calls] == [
        ("a", "f", "{}"),
        ("b", "f", "[]"),
    ]
    events = collect(openai_chat.read_stream(frames(openai_stream(*parts)), 0))
    assert events.choices[0].parts == (ToolCall("a", "f", "{}"), ToolCall("b", "f", "[]"))


def test_an_id_that_changes_on_the_way_is_the_first_one() -> None:
    assert folded(piece({"content": "a"}), piece(finish="stop") | {"id": "c2"})["id"] == "c1"


def test_a_message_repeated_in_each_chunk_is_not_doubled() -> None:
    repeated = piece({"content": "a"}, "stop")
    repeated["choices"][0]["message"] = {"role": "assistant", "content": "a"}
    assert folded(repeated)["choices"][0]["message"]["content"] == "a"


def test_pieces_of_reasoning_details_are_joined_by_index() -> None:
    def details(text: str, index: int) -> dict[str, Any]:
        return {"reasoning_details": [{"type": "reasoning.text", "text": text, "index": index}]}

    said = folded(piece(details("a", 0)), piece(details("b", 0)), piece(details("c", 1)), piece(finish="stop"))
    assert [item["text"] for item in said["choices"][0]["message"]["reasoning_details"]] == ["ab", "c"]


COMPLETION: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "reasoning": [{"id": "s", "content": "hm"}, {"id": None, "redacted": "x"}],
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                "x_message": 1,
            },
            "logprobs": {"content": [{"token": "Hi"}]},
            "finish_reason": "tool_calls",
            "x_choice": 2,
        }
    ],
    "usage": USAGE,
    "citations": ["u"],
}


def test_a_finished_answer_is_a_well_formed_stream_in_one_piece() -> None:
    raw = unfold(COMPLETION, include_usage=False)
    said = chunks(raw)
    deltas = [chunk["choices"][0]["delta"] for chunk in said]
    assert deltas == [
        {"role": "assistant", "content": "", "refusal": None, "x_message": 1},
        {"reasoning": {"id": "s", "content": "hm"}},
        {"reasoning": {"index": 1, "id": None, "redacted": "x"}},
        {"content": "Hi"},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None] * 6 + ["tool_calls"]
    assert raw.endswith(b"data: [DONE]\n\n")
    assert all("usage" not in chunk for chunk in said)


def test_usage_is_unfolded_only_where_asked_for() -> None:
    said = chunks(unfold(COMPLETION, include_usage=True))
    assert said[-1]["choices"] == []
    assert said[-1]["usage"] == USAGE
    assert all(chunk["usage"] is None for chunk in said[:-1])


def test_a_whole_answer_is_judged_by_its_finish_reasons() -> None:
    assert judge(COMPLETION) == {0: "tool_calls"}
    for body in ({}, {"choices": []}, [], None, {"choices": [{"message": {}, "finish_reason": None}]}):
        with pytest.raises(UpstreamIncomplete):
            judge(body)
    with pytest.raises(UpstreamError):
        judge({"choices": ["x"]})
    with pytest.raises(GatewayError, match="No") as caught:
        judge({"error": {"message": "No", "type": "invalid_request_error"}})
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("said", "cached", "output"),
    [
        ({"prompt_cache_hit_tokens": 2}, 2, 2),
        ({"num_cached_tokens": 1}, 1, 2),
        ({"prompt_tokens_details": {"cached_tokens": 3}}, 3, 2),
        ({"completion_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 9}, 0, 6),
        ({"completion_tokens_details": {"reasoning_tokens": 1}}, 0, 2),
    ],
)
def test_usage_has_one_meaning_whoever_counts(said: dict[str, Any], cached: int, output: int) -> None:
    usage = usage_of({"usage": {**USAGE, **said}})
    assert usage is not None
    assert (usage.cached_tokens, usage.output_tokens) == (cached, output)


def test_a_stream_is_read_into_events_with_its_error_and_its_missing_end() -> None:
    whole = openai_stream(piece({"content": "a"}), piece({"refusal": "no"}), piece(finish="stop"))
    assert collect(openai_chat.read_stream(frames(whole), 0)).choices[0].finish_reason == "stop"
    with pytest.raises(UpstreamIncomplete):
        list(openai_chat.read_stream(frames(openai_stream(piece({"content": "a"}))), 0))
    with pytest.raises(GatewayError, match="Boom"):
        list(openai_chat.read_stream(frames(openai_stream({"error": {"message": "Boom"}})), 0))


def test_a_legacy_function_call_is_read_and_written_without_an_id() -> None:
    raw = openai_stream(
        piece({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}),
        piece({"function_call": {"arguments": "{}"}}),
        piece(finish="function_call"),
    )
    events = list(openai_chat.read_stream(frames(raw), 0))
    assert ToolCallStart(-1, "", "f") in events
    written = b"".join(frame for frame in openai_chat.write_stream(iter(events), False) if frame)
    assert [chunk["choices"][0]["delta"] for chunk in chunks(written)][1:3] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]
    message = openai_chat.write_response(collect(events))["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": "{}"}


def test_comments_and_silences_are_no_events() -> None:
    raw = b": hello\n\n" + openai_stream(piece({"content": "a"}), piece(finish="stop"))
    events = openai_chat.read_stream(iter([None, *frames(raw)]), 0)
    assert next(events) is None
    assert collect(events).id == "c1"


def test_a_message_with_parts_of_its_own_is_still_json() -> None:
    parts = {"content": [{"type": "text", "text": "a"}]}
    completion = {"choices": [{"index": 0, "message": parts, "finish_reason": "stop"}]}
    assert orjson.loads(payloads(unfold(completion, False))[0])["choices"][0]["delta"] == parts


@pytest.mark.parametrize(
    "event",
    [TextDelta("a\u2028b"), ReasoningDelta("a\u2029b"), ToolCallDelta(0, '{"a":"\x85"}')],
)
def test_a_chunk_is_one_line_to_every_reader_of_lines(event: Event) -> None:
    call = ToolCallStart(0, "call_1", "f", whole=isinstance(event, ToolCallDelta))
    events: list[Event] = [Started("id", "m", 1), call, event, Finished("stop"), Ended()]
    for write in (openai_chat.write_stream, anthropic.write_stream, openai_responses.write_stream):
        wire = b"".join(frame for frame in write(iter(events), include_usage=False) if frame)
        assert wire.decode().splitlines() == wire.decode().split("\n")[:-1]
