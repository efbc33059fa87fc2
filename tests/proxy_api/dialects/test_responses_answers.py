"""Answers of Responses as OpenAI chat clients get them; tests of its streams stand in test_responses_streams.py."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from tests.proxy_api.dialects.responses import BEGIN, CALL, answer, end, event, message, response, streamed, text
from tests.proxy_api.dialects.wire import frames, openai_stream


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


@settings(max_examples=4 * settings.default.max_examples)
@given(st.lists(_events, max_size=5))
def test_any_stream_is_events_or_our_error(events: list[dict[str, Any]]) -> None:
    raw = openai_stream(*events, done=False)
    with suppress(GatewayError):
        list(openai_chat.write_stream(openai_responses.read_stream(frames(raw, 64), 1), True))


@settings(max_examples=4 * settings.default.max_examples)
@given(st.fixed_dictionaries({"output": st.lists(_values)}, optional=dict.fromkeys(KEYS.split(), _values)))
def test_any_body_is_an_answer_or_our_error(body: dict[str, Any]) -> None:
    with suppress(GatewayError):
        orjson.dumps(openai_chat.write_response(openai_responses.read_response(body, 1)))
