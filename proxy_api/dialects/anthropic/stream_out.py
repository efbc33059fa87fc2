"""Events written as an Anthropic stream. https://platform.claude.com/docs/en/build-with-claude/streaming

Every frame has its `event:` line: without it Anthropic's clients drop the event in silence. One block is open at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

from orjson import dumps

from proxy_api.chat import (
    Choice,
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
    Usage,
    UsageSeen,
)
from proxy_api.dialects.anthropic.native import NAME, write_citations
from proxy_api.dialects.anthropic.response import read_extra, stop_reason, write_usage
from proxy_api.dialects.in_turn import in_turn
from proxy_api.framing import unbroken


@dataclass(slots=True)
class _State:
    """block: what is open: (kind, its number), its place among the blocks is index. The rest waits for the end."""

    block: tuple[str, int] | None = None
    index: int = -1
    refusal: str = ""
    stop: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    usage: Usage | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Anthropic always tells it. Choices beyond the first have no place."""
    state = _State()
    for event in in_turn(events):
        if event is None:
            yield None
        elif frames := b"".join(_frames(state, event)):
            yield frames


def _frame(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), unbroken(dumps({"type": kind, **fields})))


def _frames(state: _State, event: Event) -> Iterator[bytes]:
    match event:
        case Started():
            yield _frame("message_start", message=_message(event))
        case Ended():
            yield from _close(state)
            yield from _end(state)
        case UsageSeen():
            state.usage = event.usage
        case _ if event.choice:
            return
        case MediaSeen():
            yield from _native(state, event)
        case Finished():
            state.stop = stop_reason(Choice(0, (), event.finish_reason, event.native_finish_reason))
            state.extra = read_extra(dict(event.extra))
        case RefusalDelta():
            state.refusal += event.text
        case TextDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
            yield from _content(state, event)
        case _:
            assert_never(event)


def _message(started: Started) -> dict[str, Any]:
    return {
        "id": started.id,
        "type": "message",
        "role": "assistant",
        "model": started.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": write_usage(Usage()),
    }


def _content(state: _State, event: TextDelta | ReasoningDelta | ToolCallStart | ToolCallDelta) -> Iterator[bytes]:
    match event:
        case TextDelta():
            yield from _open(state, ("text", 0), {"type": "text", "text": ""})
            if event.text:
                yield _delta(state, type="text_delta", text=event.text)
            if event.citations:
                yield from (
                    _delta(state, type="citations_delta", citation=one) for one in write_citations(event.citations)
                )
                yield from _close(state)
        case ReasoningDelta(redacted=str(data)):
            yield from _open(state, ("redacted", event.block), {"type": "redacted_thinking", "data": data})
        case ReasoningDelta():
            yield from _open(state, ("thinking", event.block), {"type": "thinking", "thinking": "", "signature": ""})
            if event.text:
                yield _delta(state, type="thinking_delta", thinking=event.text)
            if event.signature is not None:
                yield _delta(state, type="signature_delta", signature=event.signature)
        case ToolCallStart():
            block = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
            yield from _open(state, ("tool_use", event.index), block)
        case ToolCallDelta():
            yield _delta(state, type="input_json_delta", partial_json=event.arguments)
        case _:
            assert_never(event)


def _native(state: _State, event: MediaSeen) -> Iterator[bytes]:
    """A block that came from Anthropic; its answers have no media."""
    if isinstance(event.part, Opaque) and event.part.dialect == NAME:
        yield from _open(state, ("native", state.index), event.part.data)
        yield from _close(state)


def _open(state: _State, block: tuple[str, int], start: dict[str, Any]) -> Iterator[bytes]:
    if state.block == block:
        return
    yield from _close(state)
    state.block, state.index = block, state.index + 1
    yield _frame("content_block_start", index=state.index, content_block=start)


def _close(state: _State) -> Iterator[bytes]:
    if state.block is not None:
        state.block = None
        yield _frame("content_block_stop", index=state.index)


def _delta(state: _State, **delta: Any) -> bytes:
    return _frame("content_block_delta", index=state.index, delta=delta)


def _end(state: _State) -> Iterator[bytes]:
    delta: dict[str, Any] = {"stop_reason": state.stop, "stop_sequence": None, **state.extra}
    if state.refusal:
        delta["stop_details"] = {"type": "refusal", "explanation": state.refusal}
    yield _frame("message_delta", delta=delta, usage=write_usage(state.usage or Usage()))
    yield _frame("message_stop")
