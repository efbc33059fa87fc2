"""Mistral says the assistant's first words once more, others do not: a client gets what follows them.

https://docs.mistral.ai/guides/prefix : "you can remove the prefix if you do not expect it to be part of the answer".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy_api.chat import ChatResponse, Choice, Event, Finished, Part, Reasoning, Started, Text, TextDelta, ToolCall
from proxy_api.dialects import DIALECTS, openai_chat
from proxy_api.dialects.asked import events_as_asked, response_as_asked
from proxy_api.replay import collect, replay

USER = {"role": "user", "content": "A number"}


def asked(*messages: dict[str, Any]) -> Any:
    return openai_chat.read_request({"model": "m", "messages": list(messages)})


PREFILLED = asked(USER, {"role": "assistant", "content": "It is "})


def answered(*parts: Part) -> ChatResponse:
    return ChatResponse("c", "m", 1, (Choice(0, parts, "stop", "stop"),))


def plain(*parts: Part, request: Any = PREFILLED, repeats: bool = True) -> tuple[Part, ...]:
    return response_as_asked(answered(*parts), request, repeats_prefill=repeats).choices[0].parts


def streamed(*texts: str, request: Any = PREFILLED) -> list[str]:
    def events() -> Iterator[Event | None]:
        yield Started("c", "m", 1)
        yield from (TextDelta(text) for text in texts)
        yield Finished("stop")

    found = events_as_asked(events(), request, repeats_prefill=True)
    return [event.text for event in found if isinstance(event, TextDelta)]


def test_mistral_alone_repeats_the_words_that_it_was_given() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.repeats_prefill] == ["mistral"]


def test_an_answer_begins_where_the_clients_words_end() -> None:
    assert plain(Text("It is 7")) == (Text("7"),)
    assert plain(Reasoning("?"), Text("It "), Text("is "), Text("7")) == (Reasoning("?"), Text("7"))
    assert plain(Text("It is ")) == ()


@pytest.mark.parametrize("text", ["7", "It was 7", "it is 7", "It"])
def test_an_answer_that_does_not_repeat_them_stays(text: str) -> None:
    assert plain(Text(text)) == (Text(text),)
    assert "".join(streamed(*text)) == text


def test_words_of_a_provider_that_goes_on_by_itself_are_its_own() -> None:
    assert plain(Text("It is 7"), repeats=False) == (Text("It is 7"),)


def test_without_words_of_the_assistant_at_the_end_nothing_is_taken_away() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c", "content": "1"}
    called = {"role": "assistant", "content": "It is ", "tool_calls": [call]}
    for request in (asked(USER), asked({"role": "assistant", "content": "It is "}, USER), asked(USER, called, result)):
        assert plain(Text("It is 7"), ToolCall("c", "f"), request=request)[0] == Text("It is 7")


@pytest.mark.parametrize(
    "texts", [("It is 7",), ("It", " is", " ", "7"), ("It is ", "7"), tuple("It is 7"), ("It i", "s 7")]
)
def test_a_stream_begins_there_too_however_it_is_cut(texts: tuple[str, ...]) -> None:
    assert streamed(*texts) == ["7"]


def test_a_stream_is_the_plain_answer() -> None:
    for parts in ((Text("It is 7"),), (Text("No"),), (Text("It"),)):
        events = events_as_asked(replay(answered(*parts)), PREFILLED, repeats_prefill=True)
        assert collect(events).choices[0].parts == plain(*parts)
