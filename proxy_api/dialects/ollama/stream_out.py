"""Events written as an Ollama stream: one JSON object a line, tool calls whole, `done` last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    MediaSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.functions import arguments_text
from proxy_api.dialects.ollama.response import native_reason, write_call, write_logprobs, write_time, write_usage


@dataclass(slots=True)
class _State:
    """calls: those that wait to be said whole; last: what the last line says."""

    head: dict[str, Any] = field(default_factory=dict)
    calls: list[ToolCall] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Ollama always tells it. Choices beyond the first have no place."""
    state = _State()
    for event in events:
        if event is None:
            yield None
        else:
            for line in _lines(state, event):
                yield arguments_text(state.head | line).encode(errors="replace") + b"\n"


def _lines(state: _State, event: Event) -> Iterator[dict[str, Any]]:
    match event:
        case Started():
            state.head = {"model": event.model, "created_at": write_time(event.created)}
        case Ended():
            yield _line("") | {"done": True} | state.last
        case UsageSeen():
            state.last |= write_usage(event.usage)
        case _ if event.choice:
            return
        case Finished():
            state.last["done_reason"] = native_reason(event.finish_reason, event.native_finish_reason)
            if state.calls:
                calls = [write_call(call, index) for index, call in enumerate(state.calls)]
                yield _line("", tool_calls=calls)
        case ToolCallStart() | ToolCallDelta():
            _note_call(state, event)
        case TextDelta() | RefusalDelta() | ReasoningDelta() | MediaSeen():
            yield from _said(event)
        case _:
            assert_never(event)


def _note_call(state: _State, event: ToolCallStart | ToolCallDelta) -> None:
    if isinstance(event, ToolCallStart):
        state.calls.append(ToolCall(event.id, event.name))
    else:
        call = state.calls[event.index]
        state.calls[event.index] = replace(call, arguments=call.arguments + event.arguments)


def _said(event: TextDelta | RefusalDelta | ReasoningDelta | MediaSeen) -> Iterator[dict[str, Any]]:
    """Ollama's chat answers in text alone."""
    if isinstance(event, ReasoningDelta):
        yield _line("", thinking=event.text)
    elif not isinstance(event, MediaSeen):
        yield _line(event.text) | write_logprobs(getattr(event, "logprobs", None))


def _line(content: str, **fields: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content, **fields}, "done": False}
