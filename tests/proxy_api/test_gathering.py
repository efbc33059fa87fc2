"""Parts gathered from events stand in the provider's own order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from proxy_api.chat import (
    ChatResponse,
    Citation,
    MediaSeen,
    Opaque,
    Part,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)
from proxy_api.gathering import Gathered, length
from proxy_api.replay import replay
from tests.strategies import openai_responses


def test_thoughts_between_calls_stay_between_them() -> None:
    gathered = Gathered()
    search = Opaque("anthropic", {"type": "server_tool_use"})
    cited = Citation(4, 10, "https://example.com")
    for event in (
        ReasoningDelta("One", block=0),
        ReasoningDelta(signature="s1", block=0),
        TextDelta("Let "),
        TextDelta("me see", citations=(cited,)),
        TextDelta(" now"),
        ToolCallStart(0, "a", "f"),
        MediaSeen(search),
        ReasoningDelta(redacted="r", block=1),
        ToolCallStart(1, "b", "g", signature="s2"),
        ToolCallDelta(0, "{"),
        ToolCallDelta(1, "{}"),
        ToolCallDelta(0, "}"),
        TextDelta("Done"),
    ):
        gathered.note(event)
    assert gathered.answers() == [
        (
            Reasoning("One", "s1"),
            Text("Let "),
            Text("me see", citations=(cited,)),
            Text(" now"),
            ToolCall("a", "f", "{}"),
            search,
            Reasoning(redacted="r"),
            ToolCall("b", "g", "{}", "s2"),
            Text("Done"),
        )
    ]


@given(openai_responses())
def test_an_answer_that_stands_in_openais_order_is_gathered_as_it_is(response: ChatResponse) -> None:
    gathered = Gathered()
    for event in replay(response):
        gathered.note(event)
    found = [joined(parts) for parts in gathered.answers()]
    assert [parts for parts in found if parts] == [list(choice.parts) for choice in response.choices if choice.parts]


def joined(parts: tuple[Part, ...]) -> list[Part]:
    """Texts that follow each other are one; none is left empty."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text):
            found[-1] = replace(part, text=last.text + part.text)
        elif part != Text(""):
            found.append(part)
    return found


def test_the_length_of_answers_is_that_of_their_texts_thoughts_and_calls() -> None:
    search = Opaque("anthropic", {"type": "server_tool_use"})
    assert length([(Reasoning("why", "s1"), Text("four")), (ToolCall("a", "find", "{}"), search)]) == 3 + 4 + 6
    assert length([]) == 0
