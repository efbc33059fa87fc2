"""An answer adapted to how its request was said: JSON by a forced tool, legacy function calls, names spelled anew, and
without the assistant's first words where a provider repeats them (prefill).

Reading an answer needs no request; these do. The gateway wraps once, whatever the language:
`response_as_asked(dialect.read_response(...), request)`, `events_as_asked(dialect.read_stream(...), request)`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
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
from proxy_api.dialects.names import spellings
from proxy_api.dialects.prefill import events_without, prefill_of, response_without


def answer_tool(request: ChatRequest) -> str | None:
    """The name of the tool whose arguments are the JSON answer, where a model has no structured output of its own."""
    if request.response_format is None:
        return None
    taken = {tool.name for tool in request.tools}
    return next(name for name in ("json", "json_answer", "json_answer_") if name not in taken)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How the request was said. tool: the answer tool; legacy: its tools were `functions`; names: a spelling -> the
    client's own name for it."""

    tool: str | None
    legacy: bool
    names: Mapping[str, str]


def _asked(request: ChatRequest) -> _Asked | None:
    """None where nothing needs to be adapted."""
    tool, names = answer_tool(request), spellings(request) if request.tools else {}
    if tool is None and not request.legacy_functions and not names:
        return None
    return _Asked(tool, request.legacy_functions, {ours: name for name, ours in names.items()})


def response_as_asked(response: ChatResponse, request: ChatRequest, *, repeats_prefill: bool = False) -> ChatResponse:
    """Calls of the answer tool become content; calls of legacy functions lose their id; names are the client's."""
    if repeats_prefill and (prefill := prefill_of(request)):
        response = response_without(response, prefill)
    asked = _asked(request)
    if asked is None:
        return response
    return replace(response, choices=tuple(_choice(choice, asked) for choice in response.choices))


def _choice(choice: Choice, asked: _Asked) -> Choice:
    parts = tuple(_part(part, asked) for part in choice.parts)
    calls = any(isinstance(part, ToolCall) for part in parts)
    return replace(choice, parts=parts, finish_reason=_reason(choice.finish_reason, calls, asked.legacy))


def _part(part: Part, asked: _Asked) -> Part:
    if not isinstance(part, ToolCall):
        return part
    if part.name == asked.tool:
        return Text(part.arguments)
    return replace(part, id="" if asked.legacy else part.id, name=asked.names.get(part.name, part.name))


def _reason(said: FinishReason, calls: bool, legacy: bool) -> FinishReason:
    if said != "tool_calls":
        return said
    if not calls:
        return "stop"
    return "function_call" if legacy else said


def events_as_asked(
    events: Iterator[Event | None], request: ChatRequest, *, repeats_prefill: bool = False
) -> Iterator[Event | None]:
    """The same for a stream, event by event. Closing it closes `events`."""
    if repeats_prefill and (prefill := prefill_of(request)):
        events = events_without(events, prefill)
    asked = _asked(request)
    return events if asked is None else _adapted(events, asked)


@dataclass(slots=True)
class _Calls:
    """Of one choice: which tool calls are the answer, and the index that each other call has for the client."""

    answers: set[int] = field(default_factory=set)
    index: dict[int, int] = field(default_factory=dict)


def _adapted(events: Iterator[Event | None], asked: _Asked) -> Iterator[Event | None]:
    calls: dict[int, _Calls] = {}
    with closing(cast("Generator[Event | None]", events)):  # every reader is a generator
        for event in events:
            if isinstance(event, (ToolCallStart, ToolCallDelta, Finished)):
                yield from _event(event, calls.setdefault(event.choice, _Calls()), asked)
            else:
                yield event


def _event(event: ToolCallStart | ToolCallDelta | Finished, calls: _Calls, asked: _Asked) -> Iterator[Event]:
    match event:
        case ToolCallStart() if event.name == asked.tool:
            calls.answers.add(event.index)
        case ToolCallStart():
            calls.index[event.index] = -1 if asked.legacy else len(calls.index)
            yield replace(
                event,
                index=calls.index[event.index],
                id="" if asked.legacy else event.id,
                name=asked.names.get(event.name, event.name),
            )
        case ToolCallDelta() if event.index in calls.answers:
            yield TextDelta(event.arguments, event.choice)
        case ToolCallDelta():
            yield replace(event, index=calls.index[event.index])
        case Finished():
            yield replace(event, finish_reason=_reason(event.finish_reason, bool(calls.index), asked.legacy))
