"""Calls whose pieces come in turns, told in languages that have one block open at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    Reasoning,
    ReasoningDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)
from proxy_api.dialects import DIALECTS
from proxy_api.dialects.in_turn import in_turn
from proxy_api.replay import collect
from tests.proxy_api.dialects.wire import joined


def entwined() -> Iterator[Event | None]:
    yield Started("r", "m", 1)
    yield ReasoningDelta("Hm.", "sig")
    yield ToolCallStart(0, "a", "f")
    yield ToolCallStart(1, "b", "g")
    yield ToolCallDelta(1, '{"y":')
    yield None
    yield ToolCallDelta(0, '{"x":1}')
    yield TextDelta("On ")
    yield ToolCallDelta(1, "2}")
    yield TextDelta("we go.")
    yield Finished("tool_calls", "tool_use")
    yield Ended()


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_calls_that_fill_at_once_arrive_whole_in_every_language(name: str) -> None:
    raw = joined(DIALECTS[name].write_stream(entwined(), include_usage=True))
    parts = collect(DIALECTS[name].read_stream(DIALECTS[name].frames(iter([raw])), 1)).choices[0].parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name, call.arguments) for call in calls] == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]
    assert "".join(part.text for part in parts if isinstance(part, Text)) == "On we go."
    assert "".join(part.text for part in parts if isinstance(part, Reasoning)) == "Hm."


def test_the_first_call_and_silences_do_not_wait() -> None:
    told = list(in_turn(entwined()))
    assert told[:5] == [*list(entwined())[:3], None, ToolCallDelta(0, '{"x":1}')]
    assert told[5:] == [
        ToolCallStart(1, "b", "g"),
        ToolCallDelta(1, '{"y":'),
        ToolCallDelta(1, "2}"),
        TextDelta("On "),
        TextDelta("we go."),
        Finished("tool_calls", "tool_use"),
        Ended(),
    ]
