"""An Anthropic stream read into events. https://platform.claude.com/docs/en/build-with-claude/streaming

message_start, then blocks (start, deltas, stop), message_delta with the stop reason and the usage, message_stop.
ping, citations, server-side tools and events of tomorrow are no part of the answer and never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orjson import JSONDecodeError, loads

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.anthropic.errors import error_in
from proxy_api.dialects.anthropic.response import arguments, explanation, finish_reason, is_clients, read_usage
from proxy_api.dialects.failures import understood
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame

Data = dict[str, Any]


@dataclass(slots=True)
class _Call:
    """A tool call under way: its index for the client, the input that its start brought, whether pieces came."""

    index: int
    input: Any
    pieces: bool = False


@dataclass(slots=True)
class _State:
    """calls and thoughts: the provider's block index -> what it is for the client. owed: a call waits for a result."""

    now: int
    calls: dict[int, _Call] = field(default_factory=dict)
    thoughts: dict[int, int] = field(default_factory=dict)
    usage: Data = field(default_factory=dict)
    native: str | None = None
    refusal: str = ""
    started: bool = False
    owed: bool = False


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an `error` event means, UpstreamError for bad JSON, UpstreamIncomplete without message_stop."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    state = _State(now)
    for frame in frames:
        if frame is None:
            yield None
            continue
        if frame.data is None:
            continue
        event = _parsed(frame.data)
        kind = event.get("type")
        if kind == "content_block_delta":
            yield from _delta(state, event)
        elif kind == "message_stop":
            yield from _end(state)
            return  # what follows the end is the transport's to wait for, or not
        elif kind in _READERS:
            yield from _READERS[kind](state, event)
    raise UpstreamIncomplete("The provider's stream stopped before its end")


def _parsed(data: bytes) -> Data:
    try:
        event = loads(data)
    except JSONDecodeError:
        raise UpstreamError("The provider sent an event that is no JSON") from None
    if type(event) is not dict:
        raise UpstreamError("The provider sent an event that is no JSON object")
    return event


def _delta(state: _State, event: Data) -> Iterator[Event]:
    delta = event["delta"]
    match delta.get("type"):
        case "text_delta":
            yield TextDelta(delta["text"])
        case "input_json_delta":
            call = state.calls.get(event["index"])
            if call is not None and (text := delta["partial_json"]):
                call.pieces = True
                yield ToolCallDelta(call.index, text)
        case "thinking_delta":
            yield ReasoningDelta(delta["thinking"], block=_thought(state, event))
        case "signature_delta":
            yield ReasoningDelta(signature=delta["signature"], block=_thought(state, event))


def _thought(state: _State, event: Data) -> int:
    return state.thoughts.setdefault(event["index"], len(state.thoughts))


def _message_start(state: _State, event: Data) -> Iterator[Event]:
    message = event.get("message") or {}
    state.usage.update(message.get("usage") or {})
    state.started = True
    yield Started(message.get("id") or "", message.get("model") or "", state.now)


def _block_start(state: _State, event: Data) -> Iterator[Event]:
    """A block may start with text, a thought or an input already in it."""
    block = event.get("content_block") or {}
    match block.get("type"):
        case "text" if block.get("text"):
            yield TextDelta(block["text"])
        case "tool_use":
            call = state.calls[event["index"]] = _Call(len(state.calls), block.get("input"))
            state.owed = state.owed or is_clients(block)
            yield ToolCallStart(call.index, block["id"], block["name"])
        case "thinking":
            text, signature, number = (
                block.get("thinking") or "",
                block.get("signature") or None,
                _thought(state, event),
            )
            if text or signature:
                yield ReasoningDelta(text, signature, block=number)
        case "redacted_thinking":
            yield ReasoningDelta(redacted=block["data"], block=_thought(state, event))


def _block_stop(state: _State, event: Data) -> Iterator[Event]:
    """A call without input has no pieces; its arguments are still JSON for the client."""
    call = state.calls.get(event["index"])
    if call is not None and not call.pieces:
        call.pieces = True
        yield ToolCallDelta(call.index, arguments(call.input))


def _message_delta(state: _State, event: Data) -> Iterator[Event]:
    delta, usage = event.get("delta") or {}, event.get("usage") or {}
    state.usage.update({name: count for name, count in usage.items() if count is not None})
    state.native = delta.get("stop_reason") or state.native
    state.refusal = explanation(delta.get("stop_details")) or state.refusal
    yield from ()


def _error(state: _State, event: Data) -> Iterator[Event]:
    raise error_in(event)


_READERS: dict[str, Callable[[_State, Data], Iterator[Event]]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_stop": _block_stop,
    "message_delta": _message_delta,
    "error": _error,
}


def _end(state: _State) -> Iterator[Event]:
    if not state.started or state.native is None:
        raise UpstreamIncomplete("The provider's stream has no beginning or no stop_reason")
    if state.refusal:
        yield RefusalDelta(state.refusal)
    yield Finished(finish_reason(state.native, state.owed), state.native)
    if state.usage:
        yield UsageSeen(read_usage(state.usage))
    yield Ended()
