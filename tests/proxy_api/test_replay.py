"""collect() makes an answer only of a stream that ended."""

from __future__ import annotations

import pytest

from proxy_api.chat import Choice, Ended, Event, Finished, Reasoning, ReasoningDelta, Started, Text, TextDelta
from proxy_api.errors import UpstreamIncomplete
from proxy_api.replay import collect

WHOLE: list[Event | None] = [Started("i", "m", 1), TextDelta("a"), None, TextDelta("b"), Finished("stop"), Ended()]


def test_a_whole_stream_is_an_answer() -> None:
    assert collect(WHOLE).choices == (Choice(0, (Text("ab"),), "stop"),)


@pytest.mark.parametrize("missing", [0, 4, 5])
def test_a_stream_without_start_finish_or_end_is_none(missing: int) -> None:
    with pytest.raises(UpstreamIncomplete):
        collect(event for index, event in enumerate(WHOLE) if index != missing)


def test_a_signature_in_a_delta_of_its_own_joins_its_thought() -> None:
    deltas = [ReasoningDelta("h"), ReasoningDelta("m"), ReasoningDelta(signature="s"), ReasoningDelta("x", block=1)]
    response = collect([Started("i", "m", 1), *deltas, Finished("stop"), Ended()])
    assert response.choices[0].parts == (Reasoning("hm", "s"), Reasoning("x"))
