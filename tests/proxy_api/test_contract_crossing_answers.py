"""What comes back from providers with a language of their own (contract, section 11), against the running server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.bodies import anthropic_answer, anthropic_blocks, openai_answer
from tests.client import Client
from tests.live import Live
from tests.loopback import answer, stream
from tests.proxy_api import vendors
from tests.proxy_api.asking import CLAUDE, TOOL, anthropic, chunks, hello, text_of, with_request_id
from tests.proxy_api.vendors import block_stop, calls_of, converse, delta, gemini, message_stop, tool_start

USAGE_TOO = {"stream": True, "stream_options": {"include_usage": True}}


def plain(live: Live, **fields: Any) -> dict[str, Any]:
    found = live.chat(hello(**fields))
    assert found.status == 200, found.body
    body: dict[str, Any] = found.json()
    return body


def streamed(live: Live, **fields: Any) -> list[dict[str, Any]]:
    """The chunks, usage included, of a stream that ended well."""
    found = live.chat(hello(**fields, **USAGE_TOO))
    assert found.status == 200, found.body
    assert found.headers["content-type"] == "text/event-stream; charset=utf-8"
    return chunks(found.body)


def calls_in(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    deltas = (choice["delta"] for piece in pieces for choice in piece["choices"])
    return [call for said in deltas for call in said.get("tool_calls", ())]


def reasons_in(pieces: list[dict[str, Any]]) -> list[tuple[int, str]]:
    choices = (choice for piece in pieces for choice in piece["choices"])
    return [(choice["index"], choice["finish_reason"]) for choice in choices if choice["finish_reason"]]


# -- reasoning --------------------------------------------------------------------------------------------------------
THOUGHTS = [
    {"type": "thinking", "thinking": "First.", "signature": "sig1"},
    {"type": "thinking", "thinking": "Second.", "signature": "sig2"},
    {"type": "text", "text": "Hello"},
]


def test_reasoning_is_a_list_on_messages_and_objects_on_deltas(live: Live) -> None:
    anthropic(live, answer(anthropic_answer(content=THOUGHTS)))
    message = plain(live, model=CLAUDE)["choices"][0]["message"]
    assert message["reasoning"] == [{"id": "sig1", "content": "First."}, {"id": "sig2", "content": "Second."}]
    anthropic(live, stream(anthropic_blocks(THOUGHTS)))
    deltas = [piece["choices"][0]["delta"] for piece in streamed(live, model=CLAUDE) if piece["choices"]]
    said = [one["reasoning"] for one in deltas if "reasoning" in one]
    assert all(isinstance(one, dict) for one in said)
    assert "".join(one.get("content", "") for one in said) == "First.Second."
    assert [one["id"] for one in said if one.get("id")] == ["sig1", "sig2"]


@pytest.mark.parametrize("streams", [False, True])
def test_tokens_written_to_and_read_from_the_cache_are_counted_by_their_names(live: Live, streams: bool) -> None:
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 4}
    if streams:
        start, *rest = anthropic_blocks([{"type": "text", "text": "Hi"}])
        told = json.loads(start.partition(b"data: ")[2]) | {}
        told["message"]["usage"] = usage
        anthropic(live, stream([b"event: message_start\ndata: " + json.dumps(told).encode() + b"\n\n", *rest]))
        found = streamed(live, model=CLAUDE)[-1]["usage"]
    else:
        anthropic(live, answer(anthropic_answer(usage=usage)))
        found = plain(live, model=CLAUDE)["usage"]
    assert found["prompt_tokens"] == 22
    details = found["prompt_tokens_details"]
    assert (details["cached_tokens"], details["cache_creation_tokens"], details["cache_write_tokens"]) == (7, 5, 5)
    assert found["total_tokens"] == found["prompt_tokens"] + found["completion_tokens"]


# -- a provider that does not stream ----------------------------------------------------------------------------------
@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", CLAUDE, vendors.GEMINI, vendors.NOVA, vendors.MISTRAL])
def test_a_stream_is_asked_of_a_provider_that_does_not_stream(crossing: Live, model: str) -> None:
    bodies: dict[str, Any] = {
        CLAUDE: anthropic_answer("Hello there"),
        vendors.GEMINI: gemini({"text": "Hello there"}),
        vendors.NOVA: converse({"text": "Hello there"}),
    }
    crossing.upstream.script(answer(bodies.get(model, openai_answer("Hello there"))))
    pieces = streamed(crossing, model=model)
    assert text_of(pieces) == "Hello there"
    assert pieces[0]["choices"][0]["delta"]["role"] == "assistant"
    assert reasons_in(pieces) == [(0, "stop")]
    assert (pieces[-1]["choices"], pieces[-1]["usage"]["total_tokens"] > 0) == ([], True)
    assert len({(piece["id"], piece["model"]) for piece in pieces}) == 1


def test_calls_of_a_provider_that_does_not_stream_come_as_a_stream_too(live: Live) -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}
    anthropic(live, answer(anthropic_answer(content=[use, use | {"id": "toolu_2"}], stop_reason="tool_use")))
    pieces = streamed(live, model=CLAUDE, tools=[TOOL])
    assert [call["id"] for call in calls_in(pieces) if call.get("id")] == ["toolu_1", "toolu_2"]
    assert {call["index"] for call in calls_in(pieces)} == {0, 1}
    assert reasons_in(pieces) == [(0, "tool_calls")]


# -- Gemini -----------------------------------------------------------------------------------------------------------
def test_two_texts_in_one_event_of_gemini_both_arrive(crossing: Live) -> None:
    vendors.gemini_says(crossing, gemini({"text": "One "}, {"text": "two"}))
    assert plain(crossing, model=vendors.GEMINI)["choices"][0]["message"]["content"] == "One two"
    assert text_of(streamed(crossing, model=vendors.GEMINI)) == "One two"


def test_two_events_of_gemini_with_one_call_each_have_the_indexes_0_and_1(crossing: Live) -> None:
    called = [{"functionCall": {"name": "weather", "args": {"city": city}}} for city in ("Rome", "Oslo")]
    vendors.gemini_says(crossing, gemini(called[0], finish=None), gemini(called[1]))
    pieces = streamed(crossing, model=vendors.GEMINI, tools=[TOOL])
    calls = calls_in(pieces)
    assert [call["index"] for call in calls] == [0, 1]
    assert len({call["id"] for call in calls}) == 2
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Rome", "Oslo"]
    assert reasons_in(pieces) == [(0, "tool_calls")]


def test_completion_tokens_of_gemini_include_its_thoughts_and_the_sum_is_the_total(crossing: Live) -> None:
    vendors.gemini_says(crossing, gemini({"text": "Hi"}))
    for usage in (
        plain(crossing, model=vendors.GEMINI)["usage"],
        streamed(crossing, model=vendors.GEMINI)[-1]["usage"],
    ):
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 7, 17)
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 4


def test_a_prompt_that_gemini_blocks_is_one_choice_with_content_filter(crossing: Live) -> None:
    usage = {"promptTokenCount": 10, "totalTokenCount": 10}
    for blocked in (
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage},
        {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": [], "usageMetadata": usage},
    ):
        vendors.gemini_says(crossing, blocked)
        [choice] = plain(crossing, model=vendors.GEMINI)["choices"]
        assert (choice["index"], choice["finish_reason"]) == (0, "content_filter")
        assert not choice["message"]["content"]
        pieces = streamed(crossing, model=vendors.GEMINI)
        assert (reasons_in(pieces), text_of(pieces)) == ([(0, "content_filter")], "")


# -- Bedrock ----------------------------------------------------------------------------------------------------------
def used(id: str, city: str) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": id, "name": "weather", "input": {"city": city}}}


def test_two_calls_thoughts_and_cache_usage_of_bedrock_arrive(crossing: Live) -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}}
    said = converse(thought, {"text": "Wait."}, used("t1", "Rome"), used("t2", "Oslo"), stop="tool_use")
    crossing.upstream.script(answer(said))
    found = plain(crossing, model=vendors.BEDROCK_CLAUDE, tools=[TOOL])
    [choice] = found["choices"]
    assert choice["message"]["reasoning"] == [{"id": "sig", "content": "Hm"}]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Wait.", "tool_calls")
    assert calls_of(choice["message"]) == [
        ("t1", "weather", '{"city":"Rome"}'),
        ("t2", "weather", '{"city":"Oslo"}'),
    ]
    check_usage(found["usage"])


def check_usage(usage: dict[str, Any]) -> None:
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (35, 7, 42)
    details = usage["prompt_tokens_details"]
    assert (details["cached_tokens"], details["cache_write_tokens"]) == (20, 5)


def test_a_stream_of_bedrock_has_its_thoughts_two_calls_and_cache_usage(crossing: Live) -> None:
    events = [
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"signature": "sig"}),
        block_stop(0),
    ]
    for number, city in enumerate(("Rome", "Oslo"), start=1):
        events += [tool_start(number, f"t{number}", "weather"), delta(number, toolUse={"input": '{"city":'})]
        events += [delta(number, toolUse={"input": f'"{city}"}}'}), block_stop(number)]
    crossing.upstream.script(vendors.converse_stream(*events, message_stop("tool_use")))
    pieces = streamed(crossing, model=vendors.BEDROCK_CLAUDE, tools=[TOOL])
    thoughts = [piece["choices"][0]["delta"].get("reasoning") for piece in pieces if piece["choices"]]
    assert [thought for thought in thoughts if thought] == [{"content": "Hm"}, {"id": "sig"}]
    calls = calls_in(pieces)
    assert [(call["index"], call["id"]) for call in calls if call.get("id")] == [(0, "t1"), (1, "t2")]
    told = ["".join(one["function"]["arguments"] for one in calls if one["index"] == index) for index in (0, 1)]
    assert told == ['{"city":"Rome"}', '{"city":"Oslo"}']
    assert reasons_in(pieces) == [(0, "tool_calls")]
    check_usage(pieces[-1]["usage"])


def test_a_stream_of_bedrock_is_an_event_stream_and_arrives_in_pieces(crossing: Live) -> None:
    words = [delta(0, text=word) for word in ("One ", "two ", "three")]
    crossing.upstream.script(vendors.converse_stream(*words, block_stop(0), message_stop(), gap=0.2))
    with Client(crossing, hello(model=vendors.NOVA, stream=True)) as client:
        client.until(b"One ")
        began = time.monotonic()
        assert b"three" not in client.body
        assert client.headers["content-type"].startswith("text/event-stream")
        client.until(b"three")
        assert time.monotonic() - began > 0.25
        assert client.rest().done
    assert text_of(chunks(client.body)) == "One two three"
    assert crossing.usage(client.id)["output_tokens"] == 7


def test_a_call_that_is_signed_for_bedrock_is_on_the_record_with_its_tokens(crossing: Live) -> None:
    crossing.upstream.script(answer(converse({"text": "Hi"}), headers=[("x-amzn-requestid", "amzn-1")]))
    row = crossing.usage(with_request_id(crossing.chat(hello(model=vendors.NOVA))))
    told = (row["provider"], row["input_tokens"], row["cached_tokens"], row["cache_write_tokens"], row["output_tokens"])
    assert told == ("bedrock", 35, 20, 5, 7)
    assert row["upstream_request_id"] == "amzn-1"
