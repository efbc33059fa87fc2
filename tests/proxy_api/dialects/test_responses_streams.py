"""Streams of Responses as OpenAI chat clients get them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.chat import Ended, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.errors import GatewayError, UpstreamIncomplete
from proxy_api.replay import collect
from tests.proxy_api.dialects.responses import BEGIN, CALL, end, event, message, response, streamed, text
from tests.proxy_api.dialects.wire import anthropic_stream as responses_stream
from tests.proxy_api.dialects.wire import frames, openai_stream


def test_a_stream_arrives_piece_by_piece_under_one_id() -> None:
    whole = message(text("Hello"))
    said = streamed(
        BEGIN,
        event("output_item.added", item=message()),
        event("content_part.added", content_index=0, part=text("")),
        event("output_text.delta", content_index=0, delta="Hel"),
        event("output_text.delta", content_index=0, delta="lo"),
        event("output_text.done", content_index=0, text="Hello"),
        event("output_item.done", item=whole),
        end(whole),
    )
    assert {chunk["id"] for chunk in said} == {"resp_1"}
    assert [piece["choices"][0]["delta"].get("content") for piece in said[:-2]] == ["", "Hel", "lo"]
    assert said[-2]["choices"][0]["finish_reason"] == "stop"
    assert (said[-1]["choices"], said[-1]["usage"]["total_tokens"]) == ([], 37)


def test_parallel_calls_are_counted_from_zero_and_named_by_call_id() -> None:
    second = {**CALL, "id": "fc_2", "call_id": "call_2"}
    raw = responses_stream(
        BEGIN,
        event("output_item.added", 1, item={**CALL, "arguments": ""}),
        event("output_item.added", 3, item={**second, "arguments": ""}),
        event("function_call_arguments.delta", 3, delta='{"x"'),
        event("function_call_arguments.delta", 1, delta='{"x":1}'),
        event("function_call_arguments.delta", 3, delta=":1}"),
        event("output_item.done", 1, item=CALL),
        end(status="completed"),
    )
    choice = collect(openai_responses.read_stream(frames(raw), 1)).choices[0]
    calls = openai_chat.write_response(collect(openai_responses.read_stream(frames(raw), 1)))["choices"][0]["message"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls["tool_calls"]] == [
        ("call_1", '{"x":1}'),
        ("call_2", '{"x":1}'),
    ]
    assert choice.finish_reason == "tool_calls"


def test_a_thought_streams_as_text_and_its_proof_follows() -> None:
    done = {
        "type": "reasoning",
        "id": "rs_1",
        "encrypted_content": "sealed",
        "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
    }
    raw = responses_stream(
        BEGIN,
        event("output_item.added", item={"type": "reasoning", "id": "rs_1", "summary": []}),
        event("reasoning_summary_text.delta", summary_index=0, delta="one"),
        event("reasoning_summary_text.delta", summary_index=1, delta="two"),
        event("output_item.done", item=done),
        event("output_text.delta", 1, content_index=0, delta="x"),
        end(done, message(text("x"))),
    )
    thoughts = [said for said in openai_responses.read_stream(frames(raw), 1) if isinstance(said, ReasoningDelta)]
    assert thoughts == [
        ReasoningDelta("one"),
        ReasoningDelta("\n\ntwo"),
        ReasoningDelta(signature="rs_1:sealed"),
    ]
    assert collect(openai_responses.read_stream(frames(raw), 1)).choices[0].parts == (
        openai_responses.read_response(end(done, message(text("x")))["response"], 1).choices[0].parts
    )


def test_what_no_delta_brought_is_told_once_at_the_end() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
    output = (thought, message(text("Hello"), {"type": "refusal", "refusal": "No."}), CALL)
    silent = [BEGIN, end(*output)]
    partly = [
        event("output_text.delta", 1, content_index=1, delta="Hel"),
        event("output_item.done", 2, item=CALL),
        event("reasoning_summary_text.delta", 0, summary_index=0, delta="h"),
        end(*output),
    ]
    done = [BEGIN, *(event("output_item.done", index, item=item) for index, item in enumerate(output)), end(*output)]
    whole = openai_responses.read_response(response(*output), 1).choices
    for events in (silent, partly, done):
        assert collect(openai_responses.read_stream(frames(responses_stream(*events)), 1)).choices == whole


def test_items_are_known_by_their_place_where_the_last_event_gives_new_ids() -> None:
    said = streamed(
        BEGIN,
        event("output_item.added", 1, item=message(id="msg_tmp")),
        event("output_text.delta", 1, item_id="msg_tmp", content_index=0, delta="Hello"),
        end({"type": "web_search_call", "id": "ws_9"}, message(text("Hello"), id="msg_9")),
    )
    assert [piece["choices"][0]["delta"].get("content") for piece in said[:-2]] == ["", "Hello"]


def test_items_are_known_by_their_id_where_the_last_event_leaves_others_out() -> None:
    said = streamed(
        BEGIN,
        event("output_item.added", 2, item=message(id="msg_1")),
        event("output_text.delta", 2, content_index=0, delta="Hello"),
        end(message(text("Hello"), id="msg_1")),
    )
    assert [piece["choices"][0]["delta"].get("content") for piece in said[:-2]] == ["", "Hello"]


def test_steps_of_builtin_tools_and_events_of_tomorrow_say_nothing() -> None:
    said = streamed(
        BEGIN,
        event("web_search_call.searching", item_id="ws_1"),
        event("code_interpreter_call_code.delta", delta="1+1"),
        event("output_text.annotation.added", annotation={}),
        event("event_of_tomorrow", delta={}),
        event("output_item.done", item={"type": "web_search_call", "id": "ws_1"}),
        event("output_text.delta", 1, delta="x"),
        end(),
    )
    assert [piece["choices"][0]["delta"].get("content") for piece in said[:-2]] == ["", "x"]


@pytest.mark.parametrize(("why", "reason"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_b21_a_cut_stream_says_length(why: str, reason: str) -> None:
    said = streamed(BEGIN, end(message(text("x")), status="incomplete", incomplete_details={"reason": why}))
    assert said[-2]["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize(
    "last",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down", "param": None},
        {"type": "error", "error": {"type": "too_many", "code": "rate_limit_exceeded", "message": "Slow down"}},
        {"error": {"message": "Slow down", "code": 429}},
    ],
)
def test_an_error_event_is_our_error(last: dict[str, Any]) -> None:
    raw = openai_stream(BEGIN, event("output_text.delta", delta="x"), last)
    with pytest.raises(GatewayError, match="Slow down") as caught:
        list(openai_responses.read_stream(frames(raw), 1))
    assert caught.value.status == 429


def test_a_response_that_calls_itself_incomplete_is_so_whatever_its_event_is_called() -> None:
    cut = end(message(text("x")), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    said = streamed(BEGIN, cut | {"type": "response.completed"})
    assert [chunk["choices"][0]["finish_reason"] for chunk in said if chunk["choices"]][-1] == "length"


def test_a_stream_without_its_terminal_event_is_incomplete() -> None:
    for events in ([], [BEGIN], [BEGIN, event("output_text.delta", delta="x")]):
        with pytest.raises(UpstreamIncomplete):
            streamed(*events)
    raw = responses_stream(BEGIN, event("output_text.delta", delta="x")) + b"data: [DONE]\n\n"
    with pytest.raises(UpstreamIncomplete):
        list(openai_responses.read_stream(frames(raw), 1))


def test_what_follows_the_terminal_event_is_not_read() -> None:
    raw = responses_stream(BEGIN, end(message(text("x")))) + b"data: [DONE]\n\ndata: rubbish\n\n"
    assert list(openai_responses.read_stream(frames(raw), 1))[-1] == Ended()


def test_silence_is_passed_on() -> None:
    frame = next(frames(responses_stream(BEGIN), 64))
    read = openai_responses.read_stream(iter([frame, None]), 1)
    next(read)
    assert next(read) is None
    assert list(openai_responses.write_stream(iter([None]), True)) == [None]


def test_arguments_that_come_before_their_call_are_told_with_its_end() -> None:
    raw = responses_stream(
        event("function_call_arguments.delta", 0, delta='{"x":1}'), event("output_item.done", item=CALL), end(CALL)
    )
    said = [piece for piece in openai_responses.read_stream(frames(raw), 1) if isinstance(piece, ToolCallDelta)]
    assert said == [ToolCallDelta(0, '{"x":1}')]


def told(*events: dict[str, Any]) -> list[Any]:
    """What a stream says, its start and its end left out."""
    raw = responses_stream(BEGIN, *events, end())
    return list(openai_responses.read_stream(frames(raw, 64), 1))[1:-3]


def test_what_a_finished_text_says_beyond_its_deltas_is_told_and_nothing_twice() -> None:
    first, second = text("Hello there"), text(" and you")
    output = message(first, second)
    said = streamed(
        BEGIN,
        event("output_text.delta", content_index=0, delta="Hello"),
        event("output_text.done", content_index=0, text="Hello there"),
        event("output_text.delta", content_index=1, delta=" and"),
        event("output_text.done", content_index=1, text=" and you"),
        event("output_item.done", item=output),
        end(output),
    )
    pieces = [piece["choices"][0]["delta"].get("content") for piece in said[:-2]]
    assert pieces == ["", "Hello", " there", " and", " you"]


def test_a_finished_text_without_deltas_is_told_with_its_log_probabilities() -> None:
    token = {"token": "x", "logprob": -0.5, "top_logprobs": []}
    said = told(event("output_text.done", text="x", logprobs=[token]))
    assert said == [TextDelta("x", logprobs={"content": [{"bytes": None, **token}]})]


@pytest.mark.parametrize("whole", ["Well done.", "Hel", "", None])
def test_a_finished_text_that_its_deltas_did_not_begin_changes_nothing(whole: str | None) -> None:
    assert told(event("output_text.delta", delta="Hello"), event("output_text.done", text=whole)) == [
        TextDelta("Hello")
    ]


def test_a_part_that_is_counted_otherwise_when_it_is_finished_is_not_told_twice() -> None:
    assert told(
        event("output_text.delta", delta="Hello"), event("output_text.done", content_index=1, text="Hello")
    ) == [TextDelta("Hello")]


@pytest.mark.parametrize(
    ("kind", "item", "word"),
    [
        ("function_call_arguments", {**CALL, "arguments": ""}, "arguments"),
        ("custom_tool_call_input", {"type": "custom_tool_call", "call_id": "c", "name": "sh"}, "input"),
    ],
)
def test_what_finished_arguments_say_beyond_their_deltas_is_told(kind: str, item: dict[str, Any], word: str) -> None:
    said = told(
        event("output_item.added", item=item),
        event(f"{kind}.delta", delta="ab"),
        event(f"{kind}.done") | {word: "abcd"},
    )
    assert said[1:] == [ToolCallDelta(0, "ab"), ToolCallDelta(0, "cd")]


def test_what_finished_refusals_and_thoughts_say_beyond_their_deltas_is_told() -> None:
    assert told(event("refusal.delta", delta="No"), event("refusal.done", refusal="No.")) == [
        RefusalDelta("No"),
        RefusalDelta("."),
    ]
    assert told(
        event("reasoning_summary_text.delta", summary_index=0, delta="on"),
        event("reasoning_summary_text.done", summary_index=0, text="one"),
        event("reasoning_text.done", content_index=0, text="one, at length"),
    ) == [ReasoningDelta("on"), ReasoningDelta("e")]
