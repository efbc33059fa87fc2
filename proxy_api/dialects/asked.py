"""An answer adapted to how its request had to be said: JSON by a forced tool, and legacy function calls.

Reading an answer needs no request; these two do. The gateway wraps once, whatever the language:
`response_as_asked(dialect.read_response(...), request)`, `events_as_asked(dialect.read_stream(...), request)`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import cast

from proxy_api.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Event,
    Finished,
    FinishReason,
    Part,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)


def answer_tool(request: ChatRequest) -> str | None:
    """The name of the tool whose arguments are the JSON answer, where a model has no structured output of its own."""
    if request.response_format is None:
        return None
    taken = {tool.name for tool in request.tools}
    return next(name for name in ("json", "json_answer", "json_answer_") if name not in taken)


def response_as_asked(response: ChatResponse, request: ChatRequest) -> ChatResponse:
    """Calls of the answer tool become content; calls of legacy functions lose their id."""
    tool = answer_tool(request)
    if tool is None and not request.legacy_functions:
        return response
    return replace(
        response, choices=tuple(_choice(choice, tool, request.legacy_functions) for choice in response.choices)
    )


def _choice(choice: Choice, tool: str | None, legacy: bool) -> Choice:
    parts = tuple(_part(part, tool, legacy) for part in choice.parts)
    calls = any(isinstance(part, ToolCall) for part in parts)
    return replace(choice, parts=parts, finish_reason=_reason(choice.finish_reason, calls, legacy))


def _part(part: Part, tool: str | None, legacy: bool) -> Part:
    if not isinstance(part, ToolCall):
        return part
    if part.name == tool:
        return Text(part.arguments)
    return replace(part, id="") if legacy else part


def _reason(said: FinishReason, calls: bool, legacy: bool) -> FinishReason:
    if said != "tool_calls":
        return said
    if not calls:
        return "stop"
    return "function_call" if legacy else said


def events_as_asked(events: Iterator[Event | None], request: ChatRequest) -> Iterator[Event | None]:
    """The same for a stream, event by event. Closing it closes `events`."""
    tool = answer_tool(request)
    if tool is None and not request.legacy_functions:
        return events
    return _adapted(events, tool, request.legacy_functions)


@dataclass(slots=True)
class _Calls:
    """Of one choice: which tool calls are the answer, and the index that each other call has for the client."""

    answers: set[int] = field(default_factory=set)
    index: dict[int, int] = field(default_factory=dict)


def _adapted(events: Iterator[Event | None], tool: str | None, legacy: bool) -> Iterator[Event | None]:
    calls: dict[int, _Calls] = {}
    with closing(cast("Generator[Event | None]", events)):  # every reader is a generator
        for event in events:
            if isinstance(event, (ToolCallStart, ToolCallDelta, Finished)):
                yield from _event(event, calls.setdefault(event.choice, _Calls()), tool, legacy)
            else:
                yield event


def _event(
    event: ToolCallStart | ToolCallDelta | Finished, calls: _Calls, tool: str | None, legacy: bool
) -> Iterator[Event]:
    match event:
        case ToolCallStart() if event.name == tool:
            calls.answers.add(event.index)
        case ToolCallStart():
            calls.index[event.index] = -1 if legacy else len(calls.index)
            yield replace(event, index=calls.index[event.index], id="" if legacy else event.id)
        case ToolCallDelta() if event.index in calls.answers:
            yield TextDelta(event.arguments, event.choice)
        case ToolCallDelta():
            yield replace(event, index=calls.index[event.index])
        case Finished():
            yield replace(event, finish_reason=_reason(event.finish_reason, bool(calls.index), legacy))
