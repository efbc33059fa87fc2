"""Answers and streams of Responses as OpenAI chat clients get them.

Shapes after https://developers.openai.com/api/reference/resources/responses and its streaming-events
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.chat import Ended, ReasoningDelta, ToolCallDelta
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.replay import collect
from tests.proxy_api.dialects.wire import anthropic_stream as responses_stream
from tests.proxy_api.dialects.wire import chunks, frames, joined, openai_stream

USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 37,
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'}


def message(*parts: dict[str, Any], id: str = "msg_1") -> dict[str, Any]:
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": list(parts)}


def text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": []}


def response(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1700000000, "status": status, "model": "gpt-5"}
    return {**head, "error": None, "output": list(output), "usage": USAGE, **fields}


def answer(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return openai_chat.write_response(openai_responses.read_response(response(*output, status=status, **fields), 1))


def test_b21_every_text_and_call_arrives_and_ids_are_call_ids() -> None:
    second = {**CALL, "id": "fc_2", "call_id": "call_2", "name": "g", "arguments": "{}"}
    said = answer(message(text("Let me "), text("see.")), CALL, second)
    choice = said["choices"][0]
    assert choice["message"]["content"] == "Let me see."
    assert choice["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "completed")
    assert (said["id"], said["model"], said["created"]) == ("resp_1", "gpt-5", 1700000000)


@pytest.mark.parametrize(
    ("why", "reason"),
    [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("a_reason_of_tomorrow", "stop")],
)
def test_b21_a_cut_answer_says_length(why: str, reason: str) -> None:
    choice = answer(message(text("Half")), status="incomplete", incomplete_details={"reason": why})["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, why)


def test_usage_has_openais_meaning_and_the_service_tier_is_told() -> None:
    said = answer(message(text("x")), service_tier="priority")
    usage = said["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (30, 7, 37)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 20, "cache_write_tokens": 5, "cache_creation_tokens": 5}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert said["service_tier"] == "priority"


def test_a_refusal_has_its_own_field() -> None:
    said = answer(message({"type": "refusal", "refusal": "No."}))["choices"][0]
    assert (said["message"]["content"], said["message"]["refusal"], said["finish_reason"]) == (None, "No.", "stop")


def test_every_thought_is_listed_with_what_its_item_needs_to_go_back() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    said = answer(
        {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "sealed"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "three"}]},
        {"type": "reasoning", "id": "rs_3", "summary": []},
        {"type": "reasoning", "id": "rs_4", "summary": [], "encrypted_content": "more"},
        message(text("x")),
    )["choices"][0]["message"]
    assert said["reasoning"] == [
        {"id": "rs_1:sealed", "content": "one\n\ntwo"},
        {"id": "rs_2#", "content": "three"},
        {"id": "rs_4:more", "content": ""},
    ]


def test_tools_that_run_at_openai_and_items_of_tomorrow_are_no_part_of_the_answer() -> None:
    cited = text("Found.") | {"annotations": [{"type": "url_citation", "url": "https://example.com"}]}
    said = answer(
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "code_interpreter_call", "id": "ci_1", "code": "1", "outputs": None},
        {"type": "item_of_tomorrow"},
        message(cited, {"type": "part_of_tomorrow"}),
    )["choices"][0]
    assert (said["message"]["content"], said["finish_reason"]) == ("Found.", "stop")
    assert "tool_calls" not in said["message"]


def test_citations_count_from_the_start_of_the_whole_text() -> None:
    def cited(said: str) -> dict[str, Any]:
        found = {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://e.com", "title": "E"}
        return text(said) | {"annotations": [found, {"type": "annotation_of_tomorrow"}]}

    output = (message(cited("One. ")), message(cited("Two."), id="msg_2"))
    whole = answer(*output)["choices"][0]["message"]["annotations"]
    assert [(said["url_citation"]["start_index"], said["url_citation"]["end_index"]) for said in whole] == [
        (0, 3),
        (5, 8),
    ]
    pieces = streamed(
        BEGIN,
        *(event("output_text.delta", index, delta=item["content"][0]["text"]) for index, item in enumerate(output)),
        *(event("output_item.done", index, item=item) for index, item in enumerate(output)),
        end(*output),
    )
    assert [piece["choices"][0]["delta"].get("annotations") for piece in pieces[:-2]].count(None) == 3


def test_log_probabilities_stand_where_openai_chat_has_them() -> None:
    token = {"token": "x", "logprob": -0.5, "top_logprobs": []}
    said = answer(message(text("x") | {"logprobs": [token]}))["choices"][0]
    assert said["logprobs"] == {"content": [{"bytes": None, **token}]}
    pieces = streamed(BEGIN, event("output_text.delta", delta="x", logprobs=[token]), end(message(text("x"))))
    assert pieces[1]["choices"][0]["logprobs"] == {"content": [{"bytes": None, **token}]}


def test_an_image_that_the_model_made_is_given() -> None:
    made = {"type": "image_generation_call", "id": "ig_1", "result": "AAAA", "output_format": "webp"}
    message_said = answer(made)["choices"][0]["message"]
    assert message_said["images"][0]["image_url"] == {"url": "data:image/webp;base64,AAAA"}
    pieces = streamed(BEGIN, event("output_item.done", item=made), end(made))
    assert [piece["choices"][0]["delta"].get("images") for piece in pieces[:-2]][1:] == [message_said["images"]]


def test_a_custom_tools_call_is_a_call_with_its_text() -> None:
    said = answer({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sh", "input": "ls"})
    call = said["choices"][0]["message"]["tool_calls"][0]
    assert (call["id"], call["function"]) == ("call_1", {"name": "sh", "arguments": "ls"})


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [
        ("server_error", 502, "upstream_unavailable"),
        ("rate_limit_exceeded", 429, "rate_limit_exceeded"),
        ("invalid_prompt", 400, "invalid_prompt"),
        ("image_too_large", 400, "image_too_large"),
    ],
)
def test_a_failed_response_is_the_error_that_it_names(code: str, status: int, ours: str) -> None:
    failed = response(status="failed", error={"code": code, "message": "It broke"})
    with pytest.raises(GatewayError, match="It broke") as caught:
        openai_responses.read_response(failed, 1)
    assert (caught.value.status, caught.value.code) == (status, ours)
    with pytest.raises(GatewayError, match="It broke"):
        streamed({"type": "response.failed", "response": failed})


def test_an_answer_that_is_none_is_an_error() -> None:
    bodies: tuple[Any, ...] = ([], {}, {"output": "x"}, None, response(status="failed"), response(status="cancelled"))
    for body in bodies:
        with pytest.raises(UpstreamError):
            openai_responses.read_response(body, 1)
    for status in ("in_progress", "queued"):
        with pytest.raises(UpstreamIncomplete):
            openai_responses.read_response(response(status=status), 1)


def streamed(*events: dict[str, Any]) -> list[dict[str, Any]]:
    read = openai_responses.read_stream(frames(responses_stream(*events), 7), 1)
    return chunks(joined(openai_chat.write_stream(read, include_usage=True)))


def event(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": index, **fields}


BEGIN = {"type": "response.created", "response": response(status="in_progress", usage=None)}


def end(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": response(*output, status=status, **fields)}


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


KINDS = """response.created response.output_item.added response.output_item.done response.output_text.delta
response.refusal.delta response.reasoning_summary_text.delta response.reasoning_text.delta response.completed
response.function_call_arguments.delta response.incomplete response.failed error message reasoning function_call
output_text refusal image_generation_call url_citation"""
KEYS = """response item delta type content summary text refusal id call_id name arguments status usage error code
message output_index content_index summary_index item_id input_tokens output_tokens_details incomplete_details reason
created_at encrypted_content annotations logprobs start_index end_index url result"""
_kinds, _keys = st.sampled_from(KINDS.split()), st.sampled_from(KEYS.split())
_leaves = st.none() | st.booleans() | st.integers(-3, 3) | _kinds
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner), max_leaves=12
)
_events = st.fixed_dictionaries(
    {"type": _kinds}, optional=dict.fromkeys(("response", "item", "delta", "output_index"), _values)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_events, max_size=5))
def test_any_stream_is_events_or_our_error(events: list[dict[str, Any]]) -> None:
    raw = openai_stream(*events, done=False)
    with suppress(GatewayError):
        list(openai_chat.write_stream(openai_responses.read_stream(frames(raw, 64), 1), True))


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({"output": st.lists(_values)}, optional=dict.fromkeys(KEYS.split(), _values)))
def test_any_body_is_an_answer_or_our_error(body: dict[str, Any]) -> None:
    with suppress(GatewayError):
        orjson.dumps(openai_chat.write_response(openai_responses.read_response(body, 1)))
