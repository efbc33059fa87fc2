"""Events written as a Mistral stream: the usage with the last finish reason, [DONE] last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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
from proxy_api.dialects.mistral.response import native_reason, thinking_chunk
from proxy_api.dialects.openai_chat.usage import write_usage
from proxy_api.dialects.saying import given
from proxy_api.framing import DONE, sse


@dataclass(slots=True)
class _State:
    """blocks: the thought under way by choice; calls: tool calls that wait to be said whole; finished: finish reasons
    that wait for the usage."""

    head: dict[str, Any] = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)
    calls: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Mistral always tells it."""
    state = _State()
    for event in events:
        if event is None:
            yield None
        else:
            for fields in _chunks(state, event):
                yield sse(dumps(state.head | fields))
            if isinstance(event, Ended):
                yield DONE


def _chunks(state: _State, event: Event) -> Iterator[dict[str, Any]]:
    match event:
        case Started():
            state.head = {
                "id": event.id,
                "object": "chat.completion.chunk",
                "created": event.created,
                "model": event.model,
            }
            yield _choices(0, {"role": "assistant", "content": ""})
        case UsageSeen():
            state.usage = write_usage(event.usage)
        case Ended():
            yield {"choices": state.finished} | given({"usage": state.usage})
        case ToolCallStart():
            function = {"name": event.name, "arguments": ""}
            state.calls.setdefault(event.choice, []).append({"id": event.id, "function": function})
        case ToolCallDelta():
            state.calls[event.choice][event.index]["function"]["arguments"] += event.arguments
        case MediaSeen():
            return  # Mistral's chat answers in text alone
        case Finished():
            yield from _finish(state, event)
        case TextDelta() | RefusalDelta() | ReasoningDelta():
            yield from _said(state, event)
        case _:
            assert_never(event)


def _choices(choice: int, delta: dict[str, Any], logprobs: Any = None) -> dict[str, Any]:
    return {
        "choices": [{"index": choice, "delta": delta, "finish_reason": None} | given({"logprobs": logprobs})],
    }


def _said(state: _State, event: TextDelta | RefusalDelta | ReasoningDelta) -> Iterator[dict[str, Any]]:
    if not isinstance(event, ReasoningDelta):
        yield _choices(event.choice, {"content": event.text}, getattr(event, "logprobs", None))
        return
    if event.redacted is not None:  # Mistral has no sealed thoughts
        return
    if state.blocks.get(event.choice, event.block) != event.block:
        yield _choices(event.choice, {"content": [thinking_chunk("", None, closed=True)]})
    state.blocks[event.choice] = event.block
    yield _choices(event.choice, {"content": [thinking_chunk(event.text, event.signature, closed=False)]})


def _finish(state: _State, event: Finished) -> Iterator[dict[str, Any]]:
    if calls := state.calls.get(event.choice):
        yield _choices(event.choice, {"content": "", "tool_calls": calls})
    native = native_reason(event.finish_reason, event.native_finish_reason)
    state.finished.append({"index": event.choice, "delta": {"content": ""}, "finish_reason": native})
