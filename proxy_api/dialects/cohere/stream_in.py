"""A Cohere stream read into events. https://docs.cohere.com/docs/streaming

message-start, then content, tool plan, tool calls and citations, each opened, grown and closed, message-end with the
finish reason and the usage. Events of tomorrow are no part of the answer and never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.cohere.response import finish_reason, read_citation, read_logprobs, read_usage
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import parsed, text_in
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame

Data = dict[str, Any]
_PLAN = -1


@dataclass(slots=True)
class _State:
    """calls and thoughts: the provider's index -> what it is for the client; bare: calls still without arguments;
    said: anything at all."""

    now: int
    calls: dict[int, int] = field(default_factory=dict)
    bare: set[int] = field(default_factory=set)
    thoughts: dict[int, int] = field(default_factory=dict)
    said: bool = False
    started: bool = False


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises UpstreamError for bad JSON and for a model that failed, UpstreamIncomplete without message-end."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    state = _State(now)
    for frame in frames:
        if frame is None:
            yield None
            continue
        if frame.data is None or frame.data.startswith(b"[DONE]"):
            continue
        event = parsed(frame.data)
        kind = event.get("type")
        if kind == "message-end":
            yield from _end(state, event)
            return
        if kind in _READERS:
            yield from _READERS[kind](state, event)
        elif kind is None and isinstance(event.get("message"), str):
            raise UpstreamError(event["message"] or "The provider's stream failed")
    raise UpstreamIncomplete("The provider's stream stopped before its end")


def _message(event: Data) -> Data:
    found: Data = (event.get("delta") or {}).get("message") or {}
    return found


def _start(state: _State, event: Data) -> Iterator[Event]:
    state.started = True
    yield Started(text_in(event.get("id")), "", state.now)


def _content(state: _State, event: Data) -> Iterator[Event]:
    """A block may start with something already in it."""
    content = _message(event).get("content") or {}
    if thinking := text_in(content.get("thinking")):
        yield _thought(state, event.get("index", 0), thinking)
    if text := text_in(content.get("text")):
        state.said = True
        yield TextDelta(text)
    if logprobs := read_logprobs(event.get("logprobs")):
        yield TextDelta("", logprobs=logprobs)


def _plan(state: _State, event: Data) -> Iterator[Event]:
    if plan := text_in(_message(event).get("tool_plan")):
        yield _thought(state, _PLAN, plan)


def _thought(state: _State, index: int, text: str) -> Event:
    state.said = True
    return ReasoningDelta(text, block=state.thoughts.setdefault(index, len(state.thoughts)))


def _call_start(state: _State, event: Data) -> Iterator[Event]:
    call = _message(event)["tool_calls"]
    index = state.calls[event["index"]] = len(state.calls)
    state.said = True
    state.bare.add(index)
    yield ToolCallStart(index, text_in(call["id"]), text_in(call["function"]["name"]))
    yield from _grown(state, index, call)


def _call_delta(state: _State, event: Data) -> Iterator[Event]:
    yield from _grown(state, state.calls[event["index"]], _message(event)["tool_calls"])


def _grown(state: _State, index: int, call: Data) -> Iterator[Event]:
    if arguments := text_in((call.get("function") or {}).get("arguments")):
        state.bare.discard(index)
        yield ToolCallDelta(index, arguments)


def _call_end(state: _State, event: Data) -> Iterator[Event]:
    """A call without input has no pieces; its arguments are still JSON for the client."""
    index = state.calls[event["index"]]
    if index in state.bare:
        state.bare.discard(index)
        yield ToolCallDelta(index, "{}")


def _citation(state: _State, event: Data) -> Iterator[Event]:
    said = _message(event).get("citations") or ()
    if citations := tuple(read_citation(one) for one in ([said] if isinstance(said, dict) else said)):
        yield TextDelta("", citations=citations)


_READERS: dict[str, Callable[[_State, Data], Iterator[Event]]] = {
    "message-start": _start,
    "content-start": _content,
    "content-delta": _content,
    "tool-plan-delta": _plan,
    "tool-call-start": _call_start,
    "tool-call-delta": _call_delta,
    "tool-call-end": _call_end,
    "citation-start": _citation,
}


def _end(state: _State, event: Data) -> Iterator[Event]:
    delta = event.get("delta") or {}
    native, why = delta.get("finish_reason"), delta.get("error")
    if not state.started or not isinstance(native, str):
        raise UpstreamIncomplete("The provider's stream has no beginning or no finish_reason")
    for bare in sorted(state.bare):
        yield ToolCallDelta(bare, "{}")
    reason = finish_reason(native, calls=bool(state.calls), said=state.said, why=why if isinstance(why, str) else "")
    yield Finished(reason, native)
    if usage := read_usage(delta.get("usage") or {}):
        yield UsageSeen(usage)
    yield Ended()
