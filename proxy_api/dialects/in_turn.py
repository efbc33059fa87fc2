"""Events for a language whose blocks are open one at a time: pieces of several calls, told in turns, set in order.

OpenAI's streams may fill several calls at once, and hosts do. A block that is closed takes no more pieces, so what
begins beside an open call waits until its choice is finished: only then is it sure that the call is whole.
Invariant: pure; nothing is lost or told twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from proxy_api.chat import (
    Event,
    Finished,
    MediaSeen,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
)

_Content = TextDelta | RefusalDelta | ReasoningDelta | MediaSeen | ToolCallStart | ToolCallDelta


@dataclass(slots=True)
class _Choice:
    """open: the index of the call under way; waiting: what began beside it, calls by their index, anything else piece
    by piece."""

    open: int | None = None
    waiting: dict[tuple[str, int], list[_Content]] = field(default_factory=dict)

    def passes(self, event: _Content) -> bool:
        """Whether it may be told at once; else it waits."""
        call = event.index if isinstance(event, (ToolCallStart, ToolCallDelta)) else None
        if self.open is None or call == self.open:
            self.open = call
            return True
        place = ("other", len(self.waiting)) if call is None else ("call", call)
        self.waiting.setdefault(place, []).append(event)
        return False

    def rest(self) -> Iterator[_Content]:
        for events in self.waiting.values():
            yield from events


def in_turn(events: Iterator[Event | None]) -> Iterator[Event | None]:
    """The same events; those of one call follow each other."""
    choices: dict[int, _Choice] = {}
    for event in events:
        match event:
            case Finished():
                yield from choices.pop(event.choice, _Choice()).rest()
                yield event
            case TextDelta() | RefusalDelta() | ReasoningDelta() | MediaSeen() | ToolCallStart() | ToolCallDelta():
                if choices.setdefault(event.choice, _Choice()).passes(event):
                    yield event
            case _:
                yield event
