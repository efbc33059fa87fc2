"""Events <-> finished answer: collect() and replay() are inverse to each other.

Invariant: pure; a stream that did not end is never collected into an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from proxy_api.chat import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    Ended,
    Event,
    Finished,
    FinishReason,
    Image,
    MediaSeen,
    Opaque,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
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
from proxy_api.errors import UpstreamIncomplete


@dataclass(slots=True)
class _Draft:
    """One choice under way."""

    text: list[str] = field(default_factory=list)
    signature: str | None = None
    phase: str | None = None
    refusal: list[str] = field(default_factory=list)
    reasoning: dict[int, Reasoning] = field(default_factory=dict)
    starts: dict[int, ToolCallStart] = field(default_factory=dict)
    arguments: dict[int, list[str]] = field(default_factory=dict)
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    media: list[Image | Audio | Opaque] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    finish: tuple[FinishReason, str | None] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def collect(events: Iterable[Event | None]) -> ChatResponse:
    """The finished answer. Raises UpstreamIncomplete where Started, Ended or a choice's Finished is missing."""
    started: Started | None = None
    usage: Usage | None = None
    drafts: dict[int, _Draft] = {}
    ended = False
    for event in events:
        match event:
            case None:
                pass
            case Started():
                started = event
            case UsageSeen():
                usage = event.usage
            case Ended():
                ended = True
            case _:
                _note(drafts.setdefault(event.choice, _Draft()), event)
    if started is None or not ended or not drafts:
        raise UpstreamIncomplete("The answer stopped before its end")
    choices = tuple(_choice(index, draft) for index, draft in sorted(drafts.items()))
    extra = {name: value for draft in drafts.values() for name, value in draft.extra.items()}
    return ChatResponse(started.id, started.model, started.created, choices, usage, extra)


def _note(
    draft: _Draft,
    event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta | MediaSeen | Finished,
) -> None:
    match event:
        case TextDelta():
            draft.text.append(event.text)
            draft.signature = event.signature or draft.signature
            draft.phase = event.phase or draft.phase
            draft.citations.extend(event.citations)
            for name, tokens in (event.logprobs or {}).items():
                draft.logprobs.setdefault(name, []).extend(tokens)
        case RefusalDelta():
            draft.refusal.append(event.text)
        case ReasoningDelta():
            draft.reasoning[event.block] = _grown(draft.reasoning.get(event.block, Reasoning()), event)
        case ToolCallStart():
            draft.starts[event.index] = event
        case ToolCallDelta():
            draft.arguments.setdefault(event.index, []).append(event.arguments)
        case MediaSeen():
            draft.media.append(event.part)
        case Finished():
            draft.finish, draft.extra = (event.finish_reason, event.native_finish_reason), event.extra
        case _:
            assert_never(event)


def _grown(block: Reasoning, delta: ReasoningDelta) -> Reasoning:
    return Reasoning(
        block.text + delta.text,
        block.signature if delta.signature is None else delta.signature,
        block.redacted if delta.redacted is None else delta.redacted,
    )


def _choice(index: int, draft: _Draft) -> Choice:
    if draft.finish is None:
        raise UpstreamIncomplete("The answer has no finish_reason")
    return Choice(index, tuple(_parts(draft)), *draft.finish, logprobs=draft.logprobs or None)


def _parts(draft: _Draft) -> Iterator[Part]:
    """In the one order that a stream keeps: reasoning, text, refusal, media, tool calls."""
    for _, block in sorted(draft.reasoning.items()):
        yield block
    if (text := "".join(draft.text)) or draft.signature:
        yield Text(text, signature=draft.signature, citations=tuple(draft.citations), phase=draft.phase)
    if refusal := "".join(draft.refusal):
        yield Refusal(refusal)
    yield from draft.media
    for index, start in draft.starts.items():
        yield ToolCall(start.id, start.name, "".join(draft.arguments.get(index, ())), start.signature)


def replay(response: ChatResponse) -> Iterator[Event]:
    """The events that collect() makes this answer of."""
    yield Started(response.id, response.model, response.created)
    for number, choice in enumerate(response.choices):
        yield from _events(choice)
        extra = {} if number else response.extra
        yield Finished(choice.finish_reason, choice.native_finish_reason, choice.index, extra)
    if response.usage is not None:
        yield UsageSeen(response.usage)
    yield Ended()


def _events(choice: Choice) -> Iterator[Event]:
    """Parts that an answer never has (files, results) have no event."""
    blocks = calls = media = 0
    if choice.logprobs:
        yield TextDelta("", choice.index, choice.logprobs)
    for part in choice.parts:
        match part:
            case Reasoning():
                yield ReasoningDelta(part.text, part.signature, part.redacted, blocks, choice.index)
                blocks += 1
            case ToolCall(id=""):
                yield from _call(-1, part, choice.index)
            case ToolCall():
                yield from _call(calls, part, choice.index)
                calls += 1
            case Text():
                said = TextDelta(part.text, choice.index, signature=part.signature, citations=part.citations)
                yield replace(said, phase=part.phase) if part.phase else said
            case Refusal():
                yield RefusalDelta(part.text, choice.index)
            case Image() | Audio() | Opaque():
                yield MediaSeen(part, media, choice.index)
                media += not isinstance(part, Opaque)
            case _:
                pass


def _call(index: int, call: ToolCall, choice: int) -> Iterator[Event]:
    yield ToolCallStart(index, call.id, call.name, choice, call.signature)
    if call.arguments:
        yield ToolCallDelta(index, call.arguments, choice)
