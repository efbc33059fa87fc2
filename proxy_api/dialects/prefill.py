"""An answer to a request that ends with the assistant's own first words, where its provider says them once more.

Clients put those words in front of what comes, as Anthropic's prefill wants it; from a provider that repeats them they
would get them twice. What does not begin with them to the letter is left as it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

from proxy_api.chat import ChatRequest, ChatResponse, Choice, Event, Finished, Part, Text, TextDelta, ToolCall


def prefill_of(request: ChatRequest) -> str:
    """The words that the answer goes on from; "" where there are none."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "assistant" or any(isinstance(part, ToolCall) for part in last.parts):
        return ""
    return _text(last.parts)


def response_without(response: ChatResponse, prefill: str) -> ChatResponse:
    return replace(response, choices=tuple(_choice(choice, prefill) for choice in response.choices))


def _choice(choice: Choice, prefill: str) -> Choice:
    if not _text(choice.parts).startswith(prefill):
        return choice
    return replace(choice, parts=tuple(_rest(choice.parts, len(prefill))))


def _rest(parts: Iterable[Part], owed: int) -> Iterator[Part]:
    """Without the first `owed` characters of text, and the texts that they were all of."""
    for part in parts:
        if isinstance(part, Text) and owed:
            cut, owed = part.text[owed:], max(0, owed - len(part.text))
            if cut:
                yield replace(part, text=cut)
        else:
            yield part


def _text(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


@dataclass(slots=True)
class _Repeating:
    """One choice under way. owed: what of the prefill must still come; held: the events that said what has come."""

    owed: str
    held: list[TextDelta]

    def take(self, event: TextDelta) -> Iterator[TextDelta]:
        if not self.owed:
            yield event
        elif self.owed.startswith(event.text):
            self.owed = self.owed[len(event.text) :]
            self.held = [*self.held, event] if self.owed else []
        elif event.text.startswith(self.owed):
            yield replace(event, text=event.text[len(self.owed) :])
            self.owed, self.held = "", []
        else:
            yield from self.give_up()
            yield event

    def give_up(self) -> Iterator[TextDelta]:
        """It was no repetition."""
        yield from self.held
        self.owed, self.held = "", []


def events_without(events: Iterator[Event | None], prefill: str) -> Iterator[Event | None]:
    """Closing it closes `events`."""
    choices: dict[int, _Repeating] = {}
    with closing(cast("Generator[Event | None]", events)):  # every reader is a generator
        for event in events:
            match event:
                case TextDelta():
                    yield from choices.setdefault(event.choice, _Repeating(prefill, [])).take(event)
                case Finished():
                    yield from choices.setdefault(event.choice, _Repeating(prefill, [])).give_up()
                    yield event
                case _:
                    yield event
