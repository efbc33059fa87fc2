"""A finished response as a stream, and a relayed stream judged: nothing is lost, no half is taken for the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from proxy_api.dialects import openai_responses
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.framing import frames
from proxy_api.replay import collect
from tests.proxy_api.dialects.responses import BEGIN, CALL, end, event, message, response, text

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
NOTE = {"type": "url_citation", "url": "https://example.org", "title": "Example", "start_index": 0, "end_index": 2}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}],
    "content": [{"type": "reasoning_text", "text": "All of it"}],
    "encrypted_content": "c2VhbGVk",
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
IMAGE = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aW1hZ2U="}
CUSTOM = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "run", "input": "ls -l"}
ITEMS: dict[str, dict[str, Any]] = {
    "text": message(text("Hello")),
    "two texts": message(text("Hello "), text("you")),
    "cited text": message({**text("Hi there"), "annotations": [NOTE]}),
    "text with logprobs": message(
        {**text("Hi"), "logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]}
    ),
    "no text": message(text("")),
    "refusal": message({"type": "refusal", "refusal": "I can't"}),
    "thought": THOUGHT,
    "call": CALL,
    "custom call": CUSTOM,
    "search": SEARCH,
    "image": IMAGE,
    "tomorrow": {"type": "tomorrow_call", "id": "t_1", "x": [1]},
}


def told(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of its stream, each under its own name."""
    found = []
    for frame in frames(iter([openai_responses.unfold(body)])):
        assert frame is not None
        assert frame.data is not None
        found.append(json.loads(frame.data))
        assert frame.event == found[-1]["type"].encode()
    return found


@pytest.mark.parametrize("items", [[name] for name in ITEMS] + [list(ITEMS)], ids=" ".join)
def test_a_finished_response_streams_as_one_that_came_in_pieces(items: list[str]) -> None:
    body = response(*(ITEMS[name] for name in items), tool_choice="auto", tools=[], parallel_tool_calls=True)
    found = told(body)
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    assert [found[0]["type"], found[1]["type"]] == ["response.created", "response.in_progress"]
    assert (found[0]["response"]["status"], found[0]["response"]["output"]) == ("in_progress", [])
    assert found[-1] == {"type": "response.completed", "sequence_number": len(found) - 1, "response": body}
    done = [one["item"] for one in found if one["type"] == "response.output_item.done"]
    assert done == body["output"]
    if "tomorrow" not in items:
        for one in found:
            assert EVENTS.validate_python(one).type == one["type"]


@pytest.mark.parametrize("name", [name for name in ITEMS if name != "two texts"])  # which a chat has as one
def test_a_reader_of_the_stream_has_what_a_reader_of_the_response_has(name: str) -> None:
    body = response(ITEMS[name])
    read = openai_responses.read_stream(frames(iter([openai_responses.unfold(body)])), 1)
    assert collect(read) == openai_responses.read_response(body, 1)


def test_the_pieces_of_an_item_make_the_item() -> None:
    found = told(response(message({**text("Hi there"), "annotations": [NOTE]}), CALL))
    deltas = [(one["type"].removeprefix("response."), one["delta"]) for one in found if "delta" in one]
    assert deltas == [("output_text.delta", "Hi there"), ("function_call_arguments.delta", '{"x":1}')]
    added = [one["item"] for one in found if one["type"] == "response.output_item.added"]
    assert [added[0]["content"], added[1]["arguments"]] == [[], ""]
    notes = [one["annotation"] for one in found if one["type"] == "response.output_text.annotation.added"]
    assert notes == [NOTE]


@pytest.mark.parametrize(
    "output", [["text"], [{"type": "message", "content": ["text"]}], [{"type": "reasoning", "summary": 5}]]
)
def test_what_is_no_response_makes_no_stream(output: Any) -> None:
    with pytest.raises(UpstreamError):
        openai_responses.unfold({"status": "completed", "output": output})


# -- a relayed stream --------------------------------------------------------------------------------------------------
def tally(*events: dict[str, Any]) -> openai_responses.Tally:
    found = openai_responses.Tally()
    for one in events:
        found.see(json.dumps(one).encode())
    return found


def whole(*events: dict[str, Any]) -> bool:
    found = tally(*events)
    assert found.last is not None
    reason, _ = openai_responses.judge(found.last)
    return openai_responses.is_whole(found.last, reason, found.told)


DELTA = event("output_text.delta", delta="Hello", content_index=0, item_id="msg_1")
ARGUMENTS = event("function_call_arguments.delta", 1, delta='{"x":1}', item_id="fc_1")


def test_a_stream_is_whole_where_its_last_event_has_all_that_was_told() -> None:
    assert whole(BEGIN, DELTA, ARGUMENTS, end(message(text("Hello")), CALL))
    assert whole(BEGIN, end(message(text("Hello"))))  # a host that sends no pieces
    assert not whole(BEGIN, DELTA, end())
    assert not whole(BEGIN, DELTA, ARGUMENTS, end(message(text("Hello"))))
    assert not whole(BEGIN, end({"type": "message", "content": ["?"]}))


def test_a_stream_that_was_cut_short_is_whole_only_at_the_callers_own_limit() -> None:
    def cut(reason: str | None) -> bool:
        return whole(
            BEGIN, DELTA, end(message(text("Hello")), status="incomplete", incomplete_details={"reason": reason})
        )

    assert cut("max_output_tokens")
    assert not cut("something else")
    assert not cut(None)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down"}, 429),
        ({"error": {"message": "It broke"}}, 502),
        ({"type": "response.failed", "response": response(error={"code": "server_error", "message": "No"})}, 502),
        ({"type": "response.failed", "response": {}}, 502),
        ({"type": "response.completed"}, 502),
        ({"type": "response.completed", "response": "none"}, 502),
        ([1], 502),
    ],
)
def test_a_failure_in_a_stream_is_an_error(said: Any, status: int) -> None:
    with pytest.raises(GatewayError) as caught:
        tally(BEGIN, said)
    assert caught.value.status == status


def test_what_was_written_is_counted_thoughts_too() -> None:
    thought = event("reasoning_text.delta", delta="Hm", content_index=0, item_id="rs_1")
    found = tally(BEGIN, thought, DELTA)
    assert (found.written, found.told, found.last) == (7, 5, None)


@pytest.mark.parametrize(("status", "reason"), [("queued", None), ("in_progress", None), ("completed", "stop")])
def test_a_response_that_is_still_under_way_is_no_answer(status: str, reason: str | None) -> None:
    if reason is None:
        with pytest.raises(GatewayError):
            openai_responses.judge(response(status=status))
    else:
        assert openai_responses.judge(response(status=status)) == (reason, status)
