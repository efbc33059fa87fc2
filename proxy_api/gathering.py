"""The parts of an answer in the order in which they came, gathered from its events.

replay.collect() sorts them as OpenAI's message has them, which a client sees; a provider wants its own order back:
thought, call, thought, call. Invariant: pure, and cheap for each event, because most answers are never asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from proxy_api.chat import (
    Event,
    MediaSeen,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)


@dataclass(slots=True)
class _Growing:
    """A part under way: as it began, and the pieces of its text or its arguments since then."""

    part: Part
    pieces: list[str] = field(default_factory=list)

    def whole(self) -> Part:
        text = "".join(self.pieces)
        match self.part:
            case ToolCall():
                return replace(self.part, arguments=text)
            case Text() | Reasoning() | Refusal():
                return replace(self.part, text=text)
            case _:
                return self.part


@dataclass(slots=True)
class Gathering:
    """One choice under way. text: the text that the next piece belongs to, None where it begins a new one."""

    parts: list[_Growing] = field(default_factory=list)
    text: _Growing | None = None
    blocks: dict[tuple[str, int], _Growing] = field(default_factory=dict)

    def add(self, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta | MediaSeen) -> None:
        match event:
            case TextDelta():
                self._say(event)
            case ToolCallDelta():
                self.blocks["call", event.index].pieces.append(event.arguments)
            case ReasoningDelta():
                self._think(event)
            case ToolCallStart():
                self._begin(("call", event.index), ToolCall(event.id, event.name, signature=event.signature))
            case RefusalDelta():
                self._block(("refusal", 0), Refusal("")).pieces.append(event.text)
            case MediaSeen():
                self._begin(None, event.part)
            case _:
                assert_never(event)

    def whole(self) -> tuple[Part, ...]:
        return tuple(growing.whole() for growing in self.parts)

    def _say(self, event: TextDelta) -> None:
        if self.text is None or event.phase is not None:
            self.text = self._begin(None, Text("", phase=event.phase))
        self.text.pieces.append(event.text)
        if event.signature is not None or event.citations:
            self._end_text(event)

    def _end_text(self, event: TextDelta) -> None:
        """A text is complete; where only its end is cited, what came before is a text of its own."""
        assert self.text is not None
        growing, begun, text = self.text, self.text.part, "".join(self.text.pieces)
        assert isinstance(begun, Text)
        places = {citation.end - citation.start for citation in event.citations}
        cited = places.pop() if len(places) == 1 else 0
        if 0 < cited < len(text):
            growing.pieces = [text[:-cited]]
            growing = self._begin(None, begun)
            growing.pieces = [text[-cited:]]
        growing.part = replace(begun, signature=event.signature, citations=event.citations)
        self.text = None

    def _think(self, event: ReasoningDelta) -> None:
        growing = self._block(("thought", event.block), Reasoning())
        growing.pieces.append(event.text)
        if event.signature is not None or event.redacted is not None:
            assert isinstance(growing.part, Reasoning)
            growing.part = replace(growing.part, signature=event.signature, redacted=event.redacted)

    def _block(self, name: tuple[str, int], part: Part) -> _Growing:
        return self.blocks.get(name) or self._begin(name, part)

    def _begin(self, name: tuple[str, int] | None, part: Part) -> _Growing:
        growing = _Growing(part)
        self.parts.append(growing)
        if name is not None:
            self.blocks[name] = growing
        if not isinstance(part, Text):
            self.text = None
        return growing


def length(answers: Iterable[Sequence[Part]]) -> int:
    """Characters of the texts, thoughts and calls of some choices."""
    return sum(_size(part) for parts in answers for part in parts)


def _size(part: Part) -> int:
    match part:
        case Text() | Reasoning() | Refusal():
            return len(part.text)
        case ToolCall():
            return len(part.name) + len(part.arguments)
        case _:
            return 0


class Gathered:
    """All choices of one streamed answer."""

    def __init__(self) -> None:
        self.choices: dict[int, Gathering] = {}

    def note(self, event: Event) -> None:
        match event:
            case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta() | MediaSeen():
                gathering = self.choices.get(event.choice)
                if gathering is None:
                    gathering = self.choices[event.choice] = Gathering()
                gathering.add(event)
            case _:
                pass

    def answers(self) -> list[tuple[Part, ...]]:
        """The parts of each choice."""
        return [self.choices[index].whole() for index in sorted(self.choices)]
