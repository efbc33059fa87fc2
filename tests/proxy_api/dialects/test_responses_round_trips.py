"""What Responses can say, written and read again, and through OpenAI chat, one byte at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy_api.catalog import ModelFacts
from proxy_api.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.replay import collect, replay
from tests import strategies
from tests.proxy_api.dialects.wire import frames, joined
from tests.strategies import arguments, base64s, ids, objects, schemas, texts

_signatures = st.builds("{}{}{}".format, ids.map("rs_{}".format), st.sampled_from(":#"), ids)
_thoughts = st.builds(Reasoning, texts, _signatures)
_places = st.integers(0, 100)
_cited = st.lists(st.builds(Citation, _places, _places, st.just("https://e.com"), texts), max_size=2).map(tuple)
_calls = st.lists(st.builds(ToolCall, ids, ids, arguments), max_size=3, unique_by=lambda call: call.id)


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    """One choice; a reason that goes with its calls."""
    calls = draw(_calls)
    normal = ("tool_calls" if calls else "stop", "completed")
    cut = [("length", "max_output_tokens"), ("content_filter", "content_filter")]
    reason, native = draw(st.sampled_from([normal, *cut]))
    said = [Text(draw(texts), citations=draw(_cited))] if draw(st.booleans()) else []
    refusal = [Refusal(draw(texts))] if draw(st.booleans()) else []
    media = draw(st.lists(st.builds(Image, st.just("image/png"), st.just("AAAA")), max_size=1))
    parts: list[Part] = [*draw(st.lists(_thoughts, max_size=2)), *said, *refusal, *media, *calls]
    logprobs = draw(strategies.logprobs) if said else None
    choice = Choice(0, tuple(parts), reason, native, logprobs)  # type: ignore[arg-type]
    return ChatResponse(draw(ids), draw(texts), draw(st.integers(1, 2**40)), (choice,), draw(strategies.usages))


_images = st.builds(Image, st.just("image/png"), base64s, detail=st.none() | st.just("low")) | st.builds(
    Image, url=st.just("https://example.com/a.png")
)
_files = st.builds(File, st.just("application/pdf"), base64s, filename=ids) | st.builds(File, file_id=ids)
_said = st.builds(Text, texts) | _images | _files


def _tuples(parts: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(parts, min_size=least, max_size=3).map(tuple)


@st.composite
def _conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    turns = [Message(draw(st.sampled_from(["system", "developer"])), draw(_tuples(st.builds(Text, texts))))]
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Message("user", draw(_tuples(_said, 0))))
        calls = draw(_calls)
        thoughts, spoken = draw(st.lists(_thoughts, max_size=1)), draw(_tuples(st.builds(Text, texts)))
        turns.append(
            Message("assistant", (*thoughts, *spoken, *draw(st.lists(st.builds(Refusal, texts), max_size=1)), *calls))
        )
        if calls:
            turns.append(Message("tool", tuple(ToolResult(call.id, draw(_tuples(_said, 0))) for call in calls)))
    return tuple(turns)


@st.composite
def _tool_fields(draw: st.DrawFn) -> dict[str, Any]:
    built = st.builds(Tool, ids, st.none() | texts, schemas, st.booleans())
    tools = tuple(draw(st.lists(built, max_size=3, unique_by=lambda tool: tool.name)))
    if not tools:
        return {}
    first = (tools[0].name,)
    plain = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]
    named = [ToolChoice("named", first), ToolChoice("auto", first), ToolChoice("required", first)]
    return {"tools": tools, "tool_choice": draw(st.sampled_from([*plain, *named]))}


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """All that Responses' words have a place for, as its reader gives it."""
    form = st.builds(ResponseFormat, st.just("json_schema"), ids, st.none() | texts, schemas, st.none() | st.booleans())
    stream = draw(st.booleans())
    knobs = {
        "user": ids,
        "metadata": objects,
        "service_tier": ids,
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "verbosity": st.just("low"),
        "store": st.just(True),
    }
    return ChatRequest(
        model=draw(st.sampled_from(["gpt-5", "o3", "my-deployment"])),
        messages=draw(_conversations()),
        **draw(_tool_fields()),
        parallel_tool_calls=draw(st.none() | st.booleans()),
        response_format=draw(st.none() | st.just(ResponseFormat("json_object")) | form),
        max_tokens=draw(st.none() | st.integers(16, 4096)),
        stream=stream,
        include_usage=stream,
        knobs=draw(st.fixed_dictionaries({}, optional=knobs)),
        extra=draw(st.fixed_dictionaries({}, optional={"truncation": ids, "reasoning": st.just({"summary": "auto"})})),
        dialect="openai_responses",
    )


@given(responses())
def test_an_answer_written_is_read_again(response: ChatResponse) -> None:
    assert openai_responses.read_response(openai_responses.write_response(response), 1) == response


@given(responses())
def test_a_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    raw = joined(openai_responses.write_stream(replay(response), include_usage=True))
    assert collect(openai_responses.read_stream(frames(raw), 1)) == response


@given(responses())
def test_an_answer_survives_the_way_through_both_languages(response: ChatResponse) -> None:
    upstream = joined(openai_responses.write_stream(replay(response), include_usage=True))
    client = joined(openai_chat.write_stream(openai_responses.read_stream(frames(upstream), 1), include_usage=True))
    assert collect(openai_chat.read_stream(frames(client), 0)) == response


@given(strategies.anthropic_responses())
def test_another_makers_thoughts_come_back_to_a_responses_client(response: ChatResponse) -> None:
    written = openai_responses.write_response(response)
    thoughts = [part for part in response.choices[0].parts if isinstance(part, Reasoning)]
    read = openai_responses.read_request({"model": "m", "input": written["output"]}).messages
    assert [part for message in read for part in message.parts if isinstance(part, Reasoning)] == thoughts


@given(strategies.anthropic_responses())
def test_another_makers_thoughts_come_through_a_stream_as_through_an_answer(response: ChatResponse) -> None:
    raw = joined(openai_responses.write_stream(replay(response), include_usage=True))
    streamed = collect(openai_responses.read_stream(frames(raw), 1)).choices
    thoughts = [part for part in response.choices[0].parts if isinstance(part, Reasoning)]
    assert [part for part in streamed[0].parts if isinstance(part, Reasoning)] == thoughts


def test_a_thought_is_whole_before_the_image_that_follows_it() -> None:
    """Its proof comes with its end; in other languages the image ends it."""
    parts = (Reasoning("Hm.", "rs_1:sealed"), Image("image/png", "AAAA"))
    response = ChatResponse("r", "m", 1, (Choice(0, parts, "stop", "completed"),))
    raw = joined(openai_responses.write_stream(replay(response), include_usage=True))
    events = list(openai_responses.read_stream(frames(raw), 1))
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Started", "ReasoningDelta", "ReasoningDelta", "MediaSeen", "Finished", "Ended"]


def test_a_thought_without_a_proof_gets_none_on_its_way() -> None:
    """With `store` an id alone is sent back to OpenAI, which would not know it."""
    response = ChatResponse("r", "m", 1, (Choice(0, (Reasoning("Hm."), Text("Hi")), "stop", "completed"),))
    assert openai_responses.read_response(openai_responses.write_response(response), 1) == response
    raw = joined(openai_responses.write_stream(replay(response), include_usage=True))
    assert collect(openai_responses.read_stream(frames(raw), 1)) == response


@given(requests())
def test_a_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = openai_responses.write_request(request, ModelFacts())
    assert (openai_responses.read_request(body), losses) == (request, ())


@given(requests())
def test_a_request_survives_the_way_through_both_languages(request: ChatRequest) -> None:
    asked = replace(request, extra={})
    body, _ = openai_chat.write_request(asked, ModelFacts())
    crossed, losses = openai_responses.write_request(openai_chat.read_request(body), ModelFacts())
    assert (openai_responses.read_request(crossed), losses) == (asked, ())
