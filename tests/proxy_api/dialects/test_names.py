"""Function names in a spelling that the target takes, and the client's own names in the answer."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proxy_api.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Ended,
    Finished,
    Message,
    Started,
    Text,
    Tool,
    ToolCall,
    ToolCallStart,
)
from proxy_api.dialects.asked import events_as_asked, response_as_asked
from proxy_api.dialects.names import respelled, spellings

HELLO = (Message("user", (Text("Hello"),)),)


def test_a_name_that_everybody_takes_stays() -> None:
    assert respelled(["get_weather", "_a-1", "A" * 64]) == {}


def test_a_leading_digit_dots_and_other_letters_are_spelled_anew() -> None:
    assert respelled(["1st", "a.b", "größe"]) == {"1st": "_1st", "a.b": "a_b", "größe": "gr__e"}


def test_a_spelling_is_never_another_tools_name() -> None:
    spelled = respelled(["a.b", "a_b", "a:b"])
    assert len({"a_b", *spelled.values()}) == 3


@given(st.lists(st.text(min_size=1, max_size=100), unique=True, max_size=6))
def test_every_spelling_is_plain_and_means_one_name(names: list[str]) -> None:
    spelled = respelled(names)
    written = [spelled.get(name, name) for name in names]
    assert len(set(written)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name) for name in written)


def test_names_of_tools_and_of_earlier_calls_are_spelled_by_one_table() -> None:
    earlier = Message("assistant", (ToolCall("c", "2nd", "{}"),))
    request = ChatRequest("m", (*HELLO, earlier), tools=(Tool("1st"),))
    assert spellings(request) == {"1st": "_1st", "2nd": "_2nd"}


def test_calls_in_an_answer_have_the_clients_names() -> None:
    request = ChatRequest("m", HELLO, tools=(Tool("1st"), Tool("plain")))
    parts = (ToolCall("a", "_1st", "{}"), ToolCall("b", "plain", "{}"))
    response = ChatResponse("r", "m", 1, (Choice(0, parts, "tool_calls"),))
    adapted = response_as_asked(response, request)
    assert [part.name for part in adapted.choices[0].parts if isinstance(part, ToolCall)] == ["1st", "plain"]
    events = iter((Started("r", "m", 1), ToolCallStart(0, "a", "_1st"), Finished("tool_calls"), Ended()))
    starts = [
        event for event in events_as_asked((event for event in events), request) if isinstance(event, ToolCallStart)
    ]
    assert [start.name for start in starts] == ["1st"]
