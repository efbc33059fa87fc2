"""What is written for Gemini can be read back, alone and through OpenAI's words, one byte at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy_api.catalog import ModelFacts, facts
from proxy_api.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from proxy_api.dialects import google, openai_chat
from proxy_api.dialects.google.answer import finish_reason
from proxy_api.replay import collect, replay
from tests import strategies
from tests.proxy_api.dialects.wire import frames, joined

ABLE = facts("gemini-3-flash-preview")
texts, ids = strategies.texts, strategies.ids
signatures = st.none() | ids
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)
usages = strategies.usages.map(lambda usage: replace(usage, cache_write_tokens=0))
pictures = st.builds(Image, st.just("image/png"), strategies.base64s.filter(bool))


def calls(signed: bool = False) -> st.SearchStrategy[list[ToolCall]]:
    """The first is always signed: Gemini 3 gets a stand-in else."""
    built = st.builds(ToolCall, ids, names, strategies.arguments, ids if signed else signatures)
    return st.lists(built, max_size=3, unique_by=lambda call: call.id)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Part, ...]:
    """Thoughts that follow each other are one where the first has no signature of its own."""
    thoughts = draw(st.lists(st.builds(Reasoning, texts, ids), max_size=1))
    thoughts += draw(st.lists(st.builds(Reasoning, texts, signatures), max_size=1))
    said = draw(st.lists(st.builds(Text, texts, signature=signatures), max_size=1))
    return (*thoughts, *said, *draw(st.lists(pictures, max_size=2)), *draw(calls()))


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    choices = []
    for index in range(draw(st.integers(1, 2))):
        parts, native = draw(answers()), draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "SPII"]))
        reason = finish_reason(native, any(isinstance(part, ToolCall) for part in parts))
        choices.append(Choice(index, parts, reason, native))
    return ChatResponse(draw(ids), draw(texts), 1, tuple(choices), draw(usages))


media = pictures | st.builds(File, st.just("application/pdf"), strategies.base64s.filter(bool))
spoken = st.lists(st.builds(Text, texts) | media, min_size=1, max_size=3).map(tuple)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    system = draw(
        st.lists(st.builds(Message, st.just("system"), st.builds(Text, texts).map(lambda text: (text,))), max_size=1)
    )
    turns: list[Message] = []
    taken: set[str] = set()
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Message("user", draw(spoken)))
        made = [call for call in draw(calls(signed=True)) if call.id not in taken]
        taken |= {call.id for call in made}
        turns.append(Message("assistant", (*draw(answers_without_calls()), *made)))
        if made:
            turns.append(Message("tool", tuple(ToolResult(call.id, draw(results())) for call in made)))
    return (*system, *turns)


def answers_without_calls() -> st.SearchStrategy[tuple[Part, ...]]:
    return st.tuples(
        st.lists(st.builds(Reasoning, texts, signatures), max_size=1),
        st.lists(st.builds(Text, texts, signature=signatures), min_size=1, max_size=1),
    ).map(lambda groups: (*groups[0], *groups[1]))


def results() -> st.SearchStrategy[tuple[Part, ...]]:
    """An object as JSON text, or a text that is none, with media after it."""
    plain = texts.map(lambda text: "." + text)
    return st.tuples(st.builds(Text, strategies.arguments | plain), st.lists(pictures, max_size=1)).map(
        lambda said: (said[0], *said[1])
    )


@st.composite
def tool_fields(draw: st.DrawFn) -> dict[str, Any]:
    built = st.builds(Tool, names, st.none() | texts, st.none() | strategies.schemas)
    tools = tuple(draw(st.lists(built, max_size=3, unique_by=lambda tool: tool.name)))
    if not tools:
        return {}
    modes = st.sampled_from([None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")])
    choice = draw(modes | st.just(ToolChoice("named", (tools[0].name,))))
    return {"tools": tools, "tool_choice": choice}


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    forms = st.builds(ResponseFormat, st.just("json_schema"), schema=strategies.schemas)
    optional: dict[str, Any] = {
        "presence_penalty": st.just(0.5),
        "frequency_penalty": st.just(0.5),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 5),
        "modalities": st.just(["text"]),
        "reasoning_effort": st.sampled_from(["minimal", "low", "medium", "high"]),
    }
    return ChatRequest(
        model="gemini-3-flash-preview",
        messages=draw(conversations()),
        **draw(tool_fields()),
        response_format=draw(st.none() | st.just(ResponseFormat("json_object")) | forms),
        max_tokens=draw(st.none() | st.integers(1, 4096)),
        temperature=draw(st.none() | st.sampled_from([0, 0.5, 2])),
        top_p=draw(st.none() | st.just(0.9)),
        top_k=draw(st.none() | st.integers(1, 40)),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        n=draw(st.none() | st.integers(1, 4)),
        seed=draw(st.none() | st.integers(0, 100)),
        include_usage=True,
        knobs=draw(st.fixed_dictionaries({}, optional=optional)),
        dialect="google",
    )


@given(responses())
def test_an_answer_written_is_read_again(response: ChatResponse) -> None:
    assert google.read_response(google.write_response(response), 1) == response


@given(responses())
def test_a_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    raw = joined(google.write_stream(replay(response), include_usage=True))
    assert collect(google.read_stream(frames(raw), 1)) == response


@given(responses())
def test_an_answer_survives_the_way_through_openais_words(response: ChatResponse) -> None:
    upstream = joined(google.write_stream(replay(response), include_usage=True))
    client = joined(openai_chat.write_stream(google.read_stream(frames(upstream), 1), include_usage=True))
    assert collect(openai_chat.read_stream(frames(client), 0)) == response


@given(requests())
def test_a_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = google.write_request(request, ABLE)
    assert (replace(google.read_request(body), model=request.model), losses) == (request, ())


@given(requests())
def test_a_request_survives_the_way_through_openais_words(request: ChatRequest) -> None:
    body, _ = openai_chat.write_request(request, ModelFacts())
    crossed, losses = google.write_request(openai_chat.read_request(body), ABLE)
    assert (replace(google.read_request(crossed), model=request.model), losses) == (request, ())
