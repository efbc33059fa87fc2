"""A Converse stream read into events.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
messageStart, then blocks (start, deltas, stop), messageStop with the stop reason, metadata with the usage. Only
messageStop is insisted on. Citations, tools that run at Amazon and events of tomorrow are no part of the answer.
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
    Image,
    MediaSeen,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.bedrock_converse.errors import error_in
from proxy_api.dialects.bedrock_converse.response import SERVER_TOOL, finish_reason, read_usage
from proxy_api.dialects.failures import understood
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame

Data = dict[str, Any]


@dataclass(slots=True)
class _State:
    """calls and thoughts: the provider's block index -> what it is for the client. bare: calls without arguments yet.
    image: of the open block: its format, then its data. said: anything of the answer came."""

    now: int
    calls: dict[int, int] = field(default_factory=dict)
    bare: set[int] = field(default_factory=set)
    thoughts: dict[int, int] = field(default_factory=dict)
    image: list[str] = field(default_factory=list)
    images: int = 0
    usage: Data = field(default_factory=dict)
    native: str | None = None
    started: bool = False
    said: bool = False
    over: bool = False


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an exception means, UpstreamError for bad JSON, UpstreamIncomplete without messageStop."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    state = _State(now)
    for frame in frames:
        if frame is None:
            yield None
            continue
        if (error := error_in(frame)) is not None:
            raise error
        reader = _READERS.get(frame.event or b"")
        if reader is not None:
            yield from _start(state)
            yield from reader(state, _parsed(frame.data))
        if state.over:
            break  # what follows the end is the transport's to wait for, or not
    yield from _end(state)


def _parsed(data: bytes | None) -> Data:
    try:
        event = loads(data or b"")
    except JSONDecodeError:
        raise UpstreamError("The provider sent an event that is no JSON") from None
    if type(event) is not dict:
        raise UpstreamError("The provider sent an event that is no JSON object")
    return event


def _start(state: _State) -> Iterator[Event]:
    if not state.started:
        state.started = True
        yield Started("", "", state.now)


def _message_start(state: _State, event: Data) -> Iterator[Event]:
    yield from ()


def _block_start(state: _State, event: Data) -> Iterator[Event]:
    start = event.get("start") or {}
    call = start.get("toolUse")
    state.image = [start["image"]["format"]] if "image" in start else []
    if call is not None and call.get("type") != SERVER_TOOL:
        index = state.calls[event["contentBlockIndex"]] = len(state.calls)
        state.bare.add(index)
        state.said = True
        yield ToolCallStart(index, call["toolUseId"], call["name"])


def _delta(state: _State, event: Data) -> Iterator[Event]:
    match event["delta"]:
        case {"text": str(text)}:
            state.said = state.said or bool(text)
            if text:
                yield TextDelta(text)
        case {"toolUse": {"input": str(text)}}:
            index = state.calls.get(event["contentBlockIndex"])
            if index is not None and text:
                state.bare.discard(index)
                yield ToolCallDelta(index, text)
        case {"image": {"source": {"bytes": str(data)}}}:
            state.image.append(data)
        case {"reasoningContent": dict(thought)}:
            state.said = True
            yield from _thought(state, event["contentBlockIndex"], thought)


def _thought(state: _State, block: int, thought: Data) -> Iterator[Event]:
    number = state.thoughts.setdefault(block, len(state.thoughts))
    match thought:
        case {"text": str(text)}:
            yield ReasoningDelta(text, block=number)
        case {"signature": str(signature)}:
            yield ReasoningDelta(signature=signature, block=number)
        case {"redactedContent": str(data)}:
            yield ReasoningDelta(redacted=data, block=number)


def _block_stop(state: _State, event: Data) -> Iterator[Event]:
    """A call without input has no pieces; its arguments are still JSON for the client."""
    index = state.calls.get(event["contentBlockIndex"])
    if index in state.bare:
        state.bare.discard(index)
        yield ToolCallDelta(index, "{}")
    if len(state.image) > 1:
        form, *pieces = state.image
        state.image, state.said = [], True
        yield MediaSeen(Image(f"image/{form}", "".join(pieces)), state.images)
        state.images += 1


def _message_stop(state: _State, event: Data) -> Iterator[Event]:
    state.native = event.get("stopReason")
    yield from ()


def _metadata(state: _State, event: Data) -> Iterator[Event]:
    state.usage = event.get("usage") or {}
    state.over = state.native is not None
    yield from ()


_READERS: dict[bytes, Callable[[_State, Data], Iterator[Event]]] = {
    b"messageStart": _message_start,
    b"contentBlockStart": _block_start,
    b"contentBlockDelta": _delta,
    b"contentBlockStop": _block_stop,
    b"messageStop": _message_stop,
    b"metadata": _metadata,
}


def _end(state: _State) -> Iterator[Event]:
    if not isinstance(state.native, str):
        raise UpstreamIncomplete("The provider's stream stopped before its end")
    yield Finished(finish_reason(state.native, bool(state.calls), state.said), state.native)
    if state.usage:
        yield UsageSeen(read_usage(state.usage))
    yield Ended()
