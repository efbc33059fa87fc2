"""What a model calls its texts, commentary or final answer, comes out of Responses and goes back there.

https://developers.openai.com/api/docs/guides/latest-model : from gpt-5.3-codex on, phase is to be sent back with every
message of the assistant; without it commentary may be taken for the answer.
"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts, facts
from proxy_api.chat import ChatRequest, Message, Part, Reasoning, Text, TextDelta, ToolCall
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.gathering import Gathered
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.responses import CALL, answer, end, event, message, response, streamed, text
from tests.proxy_api.dialects.wire import frames, joined, openai_stream, payloads

HELLO = Message("user", (Text("Hello"),))


def named(phase: str, said: str) -> dict[str, Any]:
    return {**message(text(said), id=f"msg_{phase}"), "phase": phase}


def items(*parts: Part) -> list[dict[str, Any]]:
    """What a turn of the assistant is at Responses."""
    asked = ChatRequest("gpt-5.4", (HELLO, Message("assistant", parts)))
    body, losses = openai_responses.write_request(asked, ModelFacts())
    assert losses == ()
    found: list[dict[str, Any]] = body["input"][1:]
    return found


def said_by_assistant(phase: str | None, *texts: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": said} for said in texts]
    return {"type": "message", "role": "assistant", "content": content} | ({"phase": phase} if phase else {})


def test_a_messages_phase_is_told_and_goes_back() -> None:
    told = answer(named("commentary", "I look."), CALL)["choices"][0]["message"]
    assert (told["content"], told["phase"]) == ("I look.", "commentary")
    asked = openai_chat.read_request({"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hello"}, told]})
    body, _ = openai_responses.write_request(asked, ModelFacts())
    assert body["input"][1] == said_by_assistant("commentary", "I look.")
    assert openai_responses.read_request(body).messages[1].parts[0] == Text("I look.", phase="commentary")


def test_of_several_phases_chat_is_told_the_last() -> None:
    told = answer(named("commentary", "I look. "), named("final_answer", "Rain."))["choices"][0]["message"]
    assert (told["content"], told["phase"]) == ("I look. Rain.", "final_answer")


def test_without_a_phase_no_word_is_said_of_it() -> None:
    assert "phase" not in answer(message(text("Hi")))["choices"][0]["message"]
    for phase in (None, 5):
        asked = openai_chat.read_request(
            {"model": "m", "messages": [{"role": "assistant", "content": "Hi", "phase": phase}]}
        )
        assert asked.messages[0].parts == (Text("Hi"),)


def test_texts_of_one_phase_are_one_message_and_thoughts_and_calls_stand_between_them() -> None:
    call = ToolCall("call_1", "f", "{}")
    first, second = Text("a", phase="commentary"), Text("b", phase="commentary")
    found = items(first, second, Text("c", phase="final_answer"), Text("d"), call, Text("e", phase="final_answer"))
    assert [item.get("phase") for item in found] == ["commentary", "final_answer", None, None, "final_answer"]
    assert found[0] == said_by_assistant("commentary", "a", "b")
    assert found[2] == said_by_assistant(None, "d")


STREAM = (
    event("output_item.added", 0, item={**named("commentary", ""), "content": []}),
    event("output_text.delta", 0, content_index=0, delta="I "),
    event("output_text.delta", 0, content_index=0, delta="look. "),
    event("output_item.done", 0, item=named("commentary", "I look. ")),
    event("output_item.added", 1, item={**named("final_answer", ""), "content": []}),
    event("output_text.delta", 1, content_index=0, delta="Rain."),
    end(named("commentary", "I look. "), named("final_answer", "Rain.")),
)


def test_a_stream_says_the_phase_with_the_first_piece_of_each_text() -> None:
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed(*STREAM) if chunk["choices"]]
    told = [(delta["content"], delta.get("phase")) for delta in deltas if delta.get("content")]
    assert told == [("I ", "commentary"), ("look. ", None), ("Rain.", "final_answer")]


@pytest.mark.parametrize("skipped", [0, 3, 6])
def test_a_stream_is_gathered_as_the_plain_answer(skipped: int) -> None:
    """Whatever hosts leave out: the deltas of an item, or all but the end."""
    gathered = Gathered()
    for said in openai_responses.read_stream(frames(openai_stream(*STREAM[skipped:], done=False)), 1):
        if said is not None:
            gathered.note(said)
    texts = (Text("I look. ", phase="commentary"), Text("Rain.", phase="final_answer"))
    assert gathered.answers() == [texts]


def test_phases_survive_every_way_of_writing_them() -> None:
    plain = openai_responses.read_response(response(named("commentary", "I look."), CALL), 1)
    raw = joined(openai_responses.write_stream(replay(plain), True))
    assert collect(openai_responses.read_stream(frames(raw), 1)).choices == plain.choices
    assert openai_responses.read_response(openai_responses.write_response(plain), 1).choices == plain.choices
    chat = joined(openai_chat.write_stream(replay(plain), False))
    assert collect(openai_chat.read_stream(frames(chat), 1)).choices == plain.choices
    assert openai_chat.fold(payloads(chat))["choices"][0]["message"]["phase"] == "commentary"
    two = openai_responses.read_response(response(named("commentary", "a"), named("final_answer", "b")), 1)
    raw = joined(openai_responses.write_stream(replay(two), True))
    ended = openai_responses.read_stream(frames(raw), 1)
    assert [said.phase for said in ended if isinstance(said, TextDelta) and said.phase] == [
        "commentary",
        "final_answer",
    ]


def test_a_thought_between_two_texts_keeps_both_phases() -> None:
    found = items(Text("a", phase="commentary"), Reasoning("why", "rs_1#sealed"), Text("b", phase="commentary"))
    assert [item.get("phase") for item in found if item["type"] == "message"] == ["commentary", "commentary"]


def test_models_that_want_the_word_back_are_known() -> None:
    wanting = ("gpt-5.3-codex", "openai/gpt-5.4-pro", "gpt-5.5", "gpt-6-luna", "openai.gpt-5.6-sol")
    assert all(facts(model).phases for model in wanting)
    assert not any(facts(model).phases for model in ("gpt-4o", "gpt-5", "gpt-5.2", "gpt-oss-120b", "claude-opus-4-7"))
