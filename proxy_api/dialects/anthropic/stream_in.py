"""An Anthropic stream read into events. https://platform.claude.com/docs/en/build-with-claude/streaming

message_start, then blocks (start, deltas, stop), message_delta with the stop reason and the usage, message_stop.
Blocks of server-side tools, and blocks of tomorrow, are kept whole as opaque parts; ping and events of tomorrow are no
part of the answer and never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from orjson import JSONDecodeError, loads

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    MediaSeen,
    Opaque,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.anthropic.errors import error_in
from proxy_api.dialects.anthropic.native import NAME, read_citations
from proxy_api.dialects.anthropic.response import (
    arguments,
    explanation,
    finish_reason,
    is_clients,
    read_extra,
    read_usage,
)
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
class _Native:
    """A block under way that only Anthropic understands: as it began, and the pieces of its input."""

    block: Data
    pieces: list[str] = field(default_factory=list)

    def grow(self, delta: Data) -> None:
        """Text of a kind that only newer blocks have (compaction)."""
        for name, value in delta.items():
            if name != "type" and isinstance(value, str):
                self.block = self.block | {name: (self.block.get(name) or "") + value}

    def whole(self) -> Opaque:
        """What is no JSON is left out: these blocks are nobody's business here, so never an error."""
        with suppress(JSONDecodeError):
            if text := "".join(self.pieces):
                self.block = self.block | {"input": loads(text)}
        return Opaque(NAME, self.block)


@dataclass(slots=True)
class _State:
    """calls, thoughts, natives: the provider's block index -> what it is for the client. cited: of the text block under
    way, which began after `start` of the `length` characters so far. owed: a call waits for a result."""

    now: int
    calls: dict[int, _Call] = field(default_factory=dict)
    thoughts: dict[int, int] = field(default_factory=dict)
    natives: dict[int, _Native] = field(default_factory=dict)
    cited: list[Data] = field(default_factory=list)
    start: int = 0
    length: int = 0
    usage: Data = field(default_factory=dict)
    native: str | None = None
    refusal: str = ""
    extra: Data = field(default_factory=dict)
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
            text = delta["text"]
            state.length += len(text)
            yield TextDelta(text)
        case "input_json_delta":
            yield from _input(state, event["index"], delta["partial_json"])
        case "thinking_delta":
            yield ReasoningDelta(delta["thinking"], block=_thought(state, event))
        case "signature_delta":
            yield ReasoningDelta(signature=delta["signature"], block=_thought(state, event))
        case "citations_delta":
            state.cited.append(delta["citation"])
        case _:
            if (native := state.natives.get(event["index"])) is not None:
                native.grow(delta)


def _input(state: _State, index: int, text: str) -> Iterator[Event]:
    call = state.calls.get(index)
    if call is not None and text:
        call.pieces = True
        yield ToolCallDelta(call.index, text)
    elif (native := state.natives.get(index)) is not None:
        native.pieces.append(text)


def _thought(state: _State, event: Data) -> int:
    return state.thoughts.setdefault(event["index"], len(state.thoughts))


def _message_start(state: _State, event: Data) -> Iterator[Event]:
    message = event.get("message") or {}
    state.usage.update(message.get("usage") or {})
    state.extra |= read_extra(message)
    state.started = True
    so_far = partial(read_usage, state.usage)
    yield Started(message.get("id") or "", message.get("model") or "", state.now, so_far)
    if content := message.get("content"):
        yield from _begun(state, content)


def _begun(state: _State, content: list[Data]) -> Iterator[Event]:
    """What the message has before its stream: a call that code run at Anthropic makes comes so. Such blocks stand
    before those that are counted from 0. https://platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling
    """
    for index, block in enumerate(content, -len(content)):
        event = {"index": index, "content_block": block}
        yield from _block_start(state, event)
        yield from _block_stop(state, event)


def _block_start(state: _State, event: Data) -> Iterator[Event]:
    """A block may start with text, a thought or an input already in it."""
    block = event.get("content_block") or {}
    match block.get("type"):
        case "text":
            state.start = state.length
            state.cited = list(block.get("citations") or ())
            if text := block.get("text"):
                state.length += len(text)
                yield TextDelta(text)
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
        case str():
            state.natives[event["index"]] = _Native(block)


def _block_stop(state: _State, event: Data) -> Iterator[Event]:
    """A call without input has no pieces; its arguments are still JSON for the client."""
    if state.cited:
        yield TextDelta("", citations=read_citations(state.cited, state.start, state.length))
        state.cited = []
    if (native := state.natives.pop(event["index"], None)) is not None:
        yield MediaSeen(native.whole())
    call = state.calls.get(event["index"])
    if call is not None and not call.pieces:
        call.pieces = True
        yield ToolCallDelta(call.index, arguments(call.input))


def _message_delta(state: _State, event: Data) -> Iterator[Event]:
    delta, usage = event.get("delta") or {}, event.get("usage") or {}
    state.usage.update({name: count for name, count in usage.items() if count is not None})
    state.native = delta.get("stop_reason") or state.native
    state.refusal = explanation(delta.get("stop_details")) or state.refusal
    state.extra |= read_extra(delta)
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
    yield Finished(finish_reason(state.native, state.owed), state.native, extra=state.extra)
    if state.usage:
        yield UsageSeen(read_usage(state.usage))
    yield Ended()
