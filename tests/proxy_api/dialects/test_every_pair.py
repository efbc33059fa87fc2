"""Every pair of languages, one byte at a time: what both can say comes through.

A run with `--hypothesis-profile=long` tries many more examples of each pair.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_api.chat import ChatResponse, Event
from proxy_api.dialects import DIALECTS, Dialect
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.can_say import ALL, ANSWERS, answers, collected
from tests.proxy_api.dialects.wire import joined

NOW = 1
NAMES = sorted(DIALECTS)
pairs = pytest.mark.parametrize(("one", "other"), [(one, other) for one in NAMES for other in NAMES if one != other])
# A hundred pairs share the examples of ten properties.
few = settings(
    max_examples=max(1, settings().max_examples // 10),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def plainly(dialect: Dialect, response: ChatResponse) -> ChatResponse:
    """The answer after a way over the wire in one piece."""
    return dialect.read_response(orjson.loads(orjson.dumps(dialect.write_response(response))), NOW)


def streamed(dialect: Dialect, events: Iterator[Event | None]) -> Iterator[Event | None]:
    """The events after a way over the wire, one byte at a time."""
    raw = joined(dialect.write_stream(events, include_usage=True))
    return dialect.read_stream(dialect.frames(iter([raw[at : at + 1] for at in range(len(raw))])), NOW)


@pairs
@few
@given(data=st.data())
def test_an_answer_comes_through_both_languages(one: str, other: str, data: st.DataObject) -> None:
    response = data.draw(answers(ANSWERS[one] & ANSWERS[other]))
    crossed = plainly(DIALECTS[other], plainly(DIALECTS[one], response))
    assert collected(crossed) == collected(response)


@pairs
@few
@given(data=st.data())
def test_a_stream_comes_through_both_languages_byte_by_byte(one: str, other: str, data: st.DataObject) -> None:
    response = data.draw(answers(ANSWERS[one] & ANSWERS[other]))
    crossed = collect(streamed(DIALECTS[other], streamed(DIALECTS[one], replay(response))))
    assert collected(crossed) == collected(response)


@pairs
@few
@given(response=answers(ALL))
def test_a_stream_says_the_same_as_an_answer_in_one_piece(one: str, other: str, response: ChatResponse) -> None:
    """Of any answer: what both can say and what they cannot."""
    crossed = plainly(DIALECTS[other], plainly(DIALECTS[one], response))
    events = streamed(DIALECTS[other], streamed(DIALECTS[one], replay(response)))
    assert collected(collect(events)) == collected(crossed)
