"""Events written as a Gemini stream: whole calls, and the finish reasons only where the answer is whole.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
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
    Part,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageSeen,
)
from proxy_api.dialects.google.answer import word_of, write_usage
from proxy_api.dialects.google.response import write_part
from proxy_api.dialects.in_turn import in_turn
from proxy_api.framing import sse


@dataclass(slots=True)
class _State:
    """calls: by choice, the call under way and its arguments. The finish reasons and the usage wait for the end."""

    started: Started | None = None
    calls: dict[int, tuple[ToolCallStart, list[str]]] = field(default_factory=dict)
    finished: list[Finished] = field(default_factory=list)
    usage: Usage | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Gemini always tells it."""
    state = _State()
    for event in in_turn(events):
        if event is None:
            yield None
        elif frames := b"".join(_frames(state, event)):
            yield frames


def _frames(state: _State, event: Event) -> Iterator[bytes]:
    match event:
        case Started():
            state.started = event
        case UsageSeen():
            state.usage = event.usage
        case Ended():
            yield _last(state)
        case ToolCallDelta():
            state.calls[event.choice][1].append(event.arguments)
        case _:
            yield from _close(state, event.choice)
            yield from _open(state, event)


def _open(
    state: _State, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | MediaSeen | Finished
) -> Iterator[bytes]:
    match event:
        case ToolCallStart():
            state.calls[event.choice] = (event, [])
        case Finished():
            state.finished.append(event)
        case TextDelta():
            if event.text or event.signature:
                yield _frame(state, event.choice, Text(event.text, signature=event.signature))
        case RefusalDelta():
            yield _frame(state, event.choice, Text(event.text))
        case ReasoningDelta():
            if event.redacted is None:
                yield _frame(state, event.choice, Reasoning(event.text, event.signature))
        case MediaSeen():
            yield _frame(state, event.choice, event.part)
        case _:
            assert_never(event)


def _close(state: _State, choice: int) -> Iterator[bytes]:
    call = state.calls.pop(choice, None)
    if call is not None:
        start, pieces = call
        yield _frame(state, choice, ToolCall(start.id, start.name, "".join(pieces), start.signature))


def _frame(state: _State, choice: int, part: Part) -> bytes:
    said = write_part(part)
    content = {"role": "model", "parts": [said] if said else []}
    return sse(dumps({"candidates": [{"index": choice, "content": content}], **_envelope(state)}))


def _envelope(state: _State) -> dict[str, Any]:
    started = state.started or Started("", "", 0)
    return {"modelVersion": started.model, "responseId": started.id}


def _last(state: _State) -> bytes:
    candidates = [
        {
            "index": event.choice,
            "content": {"role": "model", "parts": []},
            "finishReason": word_of(Choice(event.choice, (), event.finish_reason, event.native_finish_reason)),
        }
        for event in state.finished
    ]
    usage = write_usage(state.usage or Usage())
    return sse(dumps({"candidates": candidates, "usageMetadata": usage, **_envelope(state)}))
