"""The usage of a relayed answer is read as its bytes pass, however they are cut, and never changes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_api.chat import Usage
from proxy_api.framing import sse
from proxy_api.passthrough_usage import JUDGED, Meter

USED = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


def metered(media: str, wire: bytes, step: int = 1) -> tuple[Usage | None, str | None]:
    meter = Meter(media)
    for start in range(0, len(wire), step):
        meter.note(wire[start : start + step])
    facts = meter.facts()
    return facts.usage, facts.model


def event(said: dict[str, Any]) -> bytes:
    return sse(json.dumps(said).encode())


@pytest.mark.parametrize(
    "usage",
    [USED, {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}],
)
def test_json_tells_it_under_the_names_of_responses_or_of_chat(usage: dict[str, Any]) -> None:
    wire = json.dumps({"model": "m", "usage": usage}).encode()
    assert metered("application/json; charset=utf-8", wire) == (Usage(5, 2), "m")


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_last_event_that_tells_it_counts(step: int) -> None:
    wire = b"".join(
        [
            event({"type": "response.created", "response": {"usage": None}}),
            event({"type": "response.in_progress", "response": {"usage": {**USED, "output_tokens": 1}}}),
            event({"type": "response.completed", "response": {"model": "m", "usage": USED}}),
            event({"type": "response.tomorrow"}),
        ]
    )
    assert metered("text/event-stream", wire, step) == (Usage(5, 2), "m")
    images = event({"type": "image_generation.completed", "usage": USED})
    assert metered("Text/Event-Stream; charset=utf-8", images, step) == (Usage(5, 2), None)


def test_an_event_too_large_to_look_through_ends_the_looking_and_nothing_else() -> None:
    wire = event({"response": {"usage": USED}}) + b"data: " + b"x" * (JUDGED + 10) + b"\n\n"
    assert metered("text/event-stream", wire, 1 << 16) == (Usage(5, 2), None)
    large = json.dumps({"usage": USED, "b64_json": "x" * 2 * JUDGED}).encode()
    assert metered("application/json", large, 1 << 16) == (None, None)


NOTHING = (
    "",
    "[]",
    "{",
    "5",
    '{"usage": 5}',
    '{"usage": {"seconds": 3}}',
    '{"response": 5}',
    '{"usage": {"total_tokens": 1, "input_tokens": "many"}}',
    '{"usage": {"total_tokens": 1, "input_tokens_details": 5}}',
)


@pytest.mark.parametrize("body", NOTHING)
def test_what_tells_nothing_does_no_harm(body: str) -> None:
    assert metered("application/json", body.encode()) == (None, None)
    assert metered("text/event-stream", sse(body.encode())) == (None, None)


def test_other_media_are_not_looked_at() -> None:
    assert metered("audio/mpeg", json.dumps({"usage": USED}).encode()) == (None, None)


SAYING = (
    ({"type": "response.output_text.delta", "delta": 'say "it"'}, 10),  # as JSON has it
    ({"type": "response.output_text.delta", "delta": ""}, 0),
    ({"type": "thread.message.delta", "delta": {"content": [{"type": "text"}]}}, 0),
    ({"choices": [{"delta": {"content": "Hello"}}]}, 5),
    ({"choices": [{"delta": {"role": "assistant", "content": None}}]}, 0),
    ({"type": "response.output_text.done", "text": "say it"}, 0),
)


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize(("said", "size"), SAYING)
def test_what_events_say_is_counted(said: dict[str, Any], size: int, spaced: bool) -> None:
    meter = Meter("text/event-stream")
    separators = (", ", ": ") if spaced else (",", ":")
    for _ in range(2):
        meter.note(sse(json.dumps(said, separators=separators).encode()))
    assert meter.facts().written == 2 * size
