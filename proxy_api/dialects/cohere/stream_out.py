"""Events written as a Cohere stream. https://docs.cohere.com/docs/streaming

Every frame has its `event:` line. One block is open at once; blocks of content and calls are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from orjson import dumps

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    MediaSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.cohere.response import native_reason, write_citations, write_usage
from proxy_api.dialects.in_turn import in_turn
from proxy_api.dialects.saying import given
from proxy_api.framing import sse


@dataclass(slots=True)
class _State:
    """block: what is open: (kind, its number); index: its place; contents: blocks of content so far. The rest waits
    for the end."""

    block: tuple[str, int] | None = None
    index: int = -1
    contents: int = 0
    cited: int = 0
    finish: str | None = None
    usage: dict[str, Any] | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Cohere always tells it. Choices beyond the first have no place."""
    state = _State()
    for event in in_turn(events):
        if event is None:
            yield None
        elif frames := b"".join(_frames(state, event)):
            yield frames


def _frame(kind: str, **fields: Any) -> bytes:
    return sse(dumps({"type": kind, **fields}), kind.encode())


def _frames(state: _State, event: Event) -> Iterator[bytes]:
    match event:
        case Started():
            yield _frame("message-start", id=event.id, delta={"message": {"role": "assistant", "content": []}})
        case Ended():
            yield from _close(state)
            delta = {"finish_reason": state.finish} | given({"usage": state.usage})
            yield _frame("message-end", delta=delta)
        case UsageSeen():
            state.usage = write_usage(event.usage)
        case _ if event.choice:
            return
        case Finished():
            state.finish = native_reason(event.finish_reason, event.native_finish_reason)
        case MediaSeen():
            return  # Cohere's chat answers in text alone
        case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
            yield from _said(state, event)
        case _:
            assert_never(event)


def _said(
    state: _State, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta
) -> Iterator[bytes]:
    match event:
        case ReasoningDelta():
            yield from _grow(state, ("thinking", event.block), event.text)
        case ToolCallStart():
            yield from _close(state)
            state.block, state.index = ("call", event.index), event.index
            call = {"id": event.id, "type": "function", "function": {"name": event.name, "arguments": ""}}
            yield _frame("tool-call-start", index=event.index, delta={"message": {"tool_calls": call}})
        case ToolCallDelta():
            call = {"function": {"arguments": event.arguments}}
            yield _frame("tool-call-delta", index=event.index, delta={"message": {"tool_calls": call}})
        case TextDelta() | RefusalDelta():
            if event.text:
                yield from _grow(state, ("text", 0), event.text)
            yield from _cite(state, event)


def _grow(state: _State, block: tuple[str, int], text: str) -> Iterator[bytes]:
    kind = block[0]
    if state.block != block:
        yield from _close(state)
        state.block, state.index, state.contents = block, state.contents, state.contents + 1
        start = {"message": {"content": {"type": kind, kind: ""}}}
        yield _frame("content-start", index=state.index, delta=start)
    yield _frame("content-delta", index=state.index, delta={"message": {"content": {kind: text}}})


def _cite(state: _State, event: TextDelta | RefusalDelta) -> Iterator[bytes]:
    for said in write_citations(getattr(event, "citations", ())):
        yield _frame("citation-start", index=state.cited, delta={"message": {"citations": said}})
        yield _frame("citation-end", index=state.cited)
        state.cited += 1


def _close(state: _State) -> Iterator[bytes]:
    if state.block is not None:
        kind = "tool-call-end" if state.block[0] == "call" else "content-end"
        state.block = None
        yield _frame(kind, index=state.index)
