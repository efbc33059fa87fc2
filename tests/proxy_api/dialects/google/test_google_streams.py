"""Gemini's streams as OpenAI clients get them, the provider's bytes coming one at a time.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.dialects import google
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from tests.proxy_api.dialects.google.crossing import USAGE, deltas, event, stream, streamed
from tests.proxy_api.dialects.wire import frames


def calls(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [piece for pieces in deltas(found, "tool_calls") for piece in pieces]


def finishes(found: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [
        (choice["index"], choice["finish_reason"])
        for chunk in found
        for choice in chunk["choices"]
        if choice["finish_reason"]
    ]


def test_b16_two_texts_in_one_event_both_arrive() -> None:
    found = streamed(event({"text": "a"}, {"text": "b"}), event({"text": "c"}, reason="STOP", usageMetadata=USAGE))
    assert deltas(found, "content") == ["a", "b", "c"]
    assert finishes(found) == [(0, "stop")]
    assert (found[-1]["choices"], found[-1]["usage"]["completion_tokens"]) == ([], 7)
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in found} == {("r1", "gemini-x", 1700000000)}


def test_b16_two_events_with_one_call_each_have_the_indexes_0_and_1() -> None:
    found = streamed(
        event({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}),
        event({"functionCall": {"name": "g", "args": {}}}),
        event({"text": ""}, reason="STOP"),
    )
    starts = [piece for piece in calls(found) if "id" in piece]
    assert [(start["index"], start["function"]["name"]) for start in starts] == [(0, "f"), (1, "g")]
    assert starts[0]["id"] != starts[1]["id"]
    assert starts[0]["extra_content"] == {"google": {"thought_signature": "s"}}
    assert [start["function"]["arguments"] for start in starts] == ['{"a":1}', "{}"]  # each call in one chunk
    assert calls(found) == starts
    assert finishes(found) == [(0, "tool_calls")]


def test_a_plain_answer_and_a_stream_give_a_call_the_same_id() -> None:
    said = event({"functionCall": {"name": "f"}}, reason="STOP")
    start = next(piece for piece in calls(streamed(said)) if "id" in piece)
    response = google.read_response(said, 1700000000)
    assert [getattr(part, "id", None) for part in response.choices[0].parts] == [start["id"]]


def test_arguments_in_pieces_are_assembled() -> None:
    def pieces(*given: dict[str, Any], more: bool = True) -> dict[str, Any]:
        return event({"functionCall": {"partialArgs": list(given), **({"willContinue": True} if more else {})}})

    found = streamed(
        event({"functionCall": {"name": "f", "willContinue": True}}),
        pieces({"jsonPath": "$.city", "stringValue": "Bos", "willContinue": True}),
        pieces({"jsonPath": "$.city", "stringValue": "ton"}, {"jsonPath": "$.n", "numberValue": 50}),
        pieces({"jsonPath": "$.list[0].on", "boolValue": True}, {"jsonPath": "$['a b'].c", "nullValue": None}),
        pieces({"jsonPath": "$.list[1]", "stringValue": "x"}, {"jsonPath": r"$['it\'s']", "stringValue": "y"}),
        event({"functionCall": {}}),
        event({"functionCall": {"name": "g", "args": {"b": 2}}}, reason="STOP"),
    )
    assert [(piece["index"], orjson.loads(piece["function"]["arguments"] or "null")) for piece in calls(found)] == [
        (0, None),
        (0, {"city": "Boston", "n": 50, "list": [{"on": True}, "x"], "a b": {"c": None}, "it's": "y"}),
        (1, {"b": 2}),
    ]


@pytest.mark.parametrize("path", ["", "$", "city", "$..city", "$[*]", "$.a[5]", "$.a.b", None])
def test_a_piece_without_a_place_is_the_providers_failure(path: str | None) -> None:
    start = {"functionCall": {"name": "f", "args": {"a": []}, "willContinue": True}}
    piece = {"functionCall": {"partialArgs": [{"jsonPath": path, "stringValue": "x"}]}}
    with pytest.raises(UpstreamError):
        streamed(event(start, piece, reason="STOP"))


def test_thoughts_come_as_reasoning_and_a_late_signature_belongs_to_its_text() -> None:
    found = streamed(
        event({"text": "hm", "thought": True}),
        event({"text": "Hi"}),
        event({"text": "", "thoughtSignature": "s"}, reason="STOP"),
    )
    assert deltas(found, "reasoning_content") == ["hm"]
    assert deltas(found, "extra_content") == [{"google": {"thought_signature": "s"}}]


def test_candidates_keep_their_index() -> None:
    first = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
    second = {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"}
    found = streamed({"candidates": [first, second]})
    assert finishes(found) == [(0, "stop"), (1, "length")]


def test_pieces_of_sound_are_one_piece_in_the_end() -> None:
    def sound(data: str) -> dict[str, Any]:
        return {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}

    found = streamed(event(sound("AQ==")), event(sound("Ag==")), event(reason="STOP"))
    assert [piece["data"] for piece in deltas(found, "audio")] == ["AQI="]


def test_the_last_usage_that_counts_wins() -> None:
    found = streamed(
        event({"text": "a"}, usageMetadata={"promptTokenCount": 1}),
        event({"text": "b"}, usageMetadata=USAGE, reason="STOP"),
        event(usageMetadata={"trafficType": "ON_DEMAND"}),
    )
    assert found[-1]["usage"]["total_tokens"] == 17


def test_b18_a_blocked_prompt_is_one_choice_in_a_stream_too() -> None:
    found = streamed({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r1", "modelVersion": "m"})
    assert finishes(found) == [(0, "content_filter")]


def test_a_stream_without_a_finish_reason_is_incomplete() -> None:
    for events in ([event({"text": "a"})], [event(usageMetadata=USAGE) | {"candidates": []}], []):
        with pytest.raises(UpstreamIncomplete):
            streamed(*events)


def test_an_error_event_ends_the_stream() -> None:
    error = {"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}}
    with pytest.raises(GatewayError, match="Slow down") as caught:
        streamed(event({"text": "a"}), error)
    assert caught.value.status == 429


def test_an_event_that_is_no_json_object_is_the_providers_failure() -> None:
    for raw in (b"data: {\n\n", b"data: 1\n\n", b"data: <html>\n\n"):
        with pytest.raises(UpstreamError):
            list(google.read_stream(frames(raw), 1))


def test_silences_are_passed_on() -> None:
    raw = list(frames(stream(event({"text": "a"}, reason="STOP"))))
    assert list(google.read_stream(iter([None, *raw, None]), 1)).count(None) == 2
