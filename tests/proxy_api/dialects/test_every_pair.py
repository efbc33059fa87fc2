"""Every pair of languages, one byte at a time: what both can say comes through, and the rest is reported or refused.

`make test-long` tries ten times as many examples of each pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_api.catalog import facts
from proxy_api.chat import ChatRequest, ChatResponse, Event
from proxy_api.dialects import DIALECTS, Dialect
from proxy_api.dialects.foreign import check_tools
from proxy_api.errors import BadRequest
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.can_ask import MODELS, REFUSED, features, requests
from tests.proxy_api.dialects.can_say import ALL, ANSWERS, answers, collected
from tests.proxy_api.dialects.differing import differing, kind, uncovered
from tests.proxy_api.dialects.wire import joined

NOW = 1
NAMES = sorted(DIALECTS)
pairs = pytest.mark.parametrize(("one", "other"), [(one, other) for one in NAMES for other in NAMES if one != other])
# A hundred pairs share the examples of six properties.
few = settings(
    max_examples=max(1, settings().max_examples // 16),
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
def test_an_answer_and_its_stream_come_through_both_languages(one: str, other: str, data: st.DataObject) -> None:
    response = data.draw(answers(ANSWERS[one] & ANSWERS[other]))
    crossed = plainly(DIALECTS[other], plainly(DIALECTS[one], response))
    assert collected(crossed) == collected(response)
    events = streamed(DIALECTS[other], streamed(DIALECTS[one], replay(response)))
    assert collected(collect(events)) == collected(response)


@pairs
@few
@given(response=answers(ALL))
def test_a_stream_says_the_same_as_an_answer_in_one_piece(one: str, other: str, response: ChatResponse) -> None:
    """Of any answer: what both can say and what they cannot."""
    crossed = plainly(DIALECTS[other], plainly(DIALECTS[one], response))
    events = streamed(DIALECTS[other], streamed(DIALECTS[one], replay(response)))
    assert collected(collect(events)) == collected(crossed)


def asked(name: str, request: ChatRequest) -> tuple[ChatRequest, set[str]]:
    """The request after a way through one language, and the params that its losses name. A model, and in some languages
    whether it streams, stand in the path."""
    dialect, said = DIALECTS[name], replace(request, model=MODELS[name])
    body, losses = dialect.write_request(said, facts(said.model))
    read = dialect.read_request(orjson.loads(orjson.dumps(body)))
    named = {loss.param for loss in (*losses, *check_tools(said, name))}
    in_path = dialect.path(said.model, True) != dialect.path(said.model, False)
    return replace(read, stream=said.stream if in_path else read.stream), named


def ordered(*names: str) -> bool:
    """Ollama's pictures stand beside all texts of their message."""
    return "ollama" not in names


@pairs
@few
@given(data=st.data())
def test_a_request_comes_through_both_languages_or_its_losses_are_named(
    one: str, other: str, data: st.DataObject
) -> None:
    request = data.draw(requests(REFUSED[one] | REFUSED[other]))
    first, lost = asked(one, request)
    assert not uncovered(differing(request, first, ordered(one)), lost)
    second, lost_too = asked(other, first)
    assert not uncovered(differing(first, second, ordered(other)), lost_too)
    missing = {kind(param) for param in differing(request, second, ordered(one, other))}
    named = {kind(param) for param in (*lost, *lost_too)}
    if request.tool_choice is not None and request.tool_choice.mode == "none" and "tools" in named:
        named.add(
            "tool_choice"
        )  # left without tools, which says the same; tools that a later language made up are named
    assert not uncovered(missing, named)


def refusal(name: str, request: ChatRequest) -> str | None:
    """The param for which the language refuses the request."""
    try:
        asked(name, request)
    except BadRequest as refused:
        return refused.param or "no param"
    return None


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=max(1, settings().max_examples // 3))
@given(request=requests(frozenset()))
def test_what_a_language_cannot_say_is_refused_by_its_param_and_nothing_else(name: str, request: ChatRequest) -> None:
    unsayable: list[str | None] = [param for word, param in features(request) if word in REFUSED[name]]
    assert refusal(name, request) in (unsayable or [None])
