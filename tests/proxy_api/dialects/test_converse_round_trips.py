"""What Bedrock's languages can say is read again as it was written, one byte at a time, and survives OpenAI's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.catalog import facts
from proxy_api.chat import ChatRequest, ChatResponse, Choice, File, Message, Part, ResponseFormat, Usage
from proxy_api.dialects import DIALECTS, Dialect
from proxy_api.errors import GatewayError
from proxy_api.framing_aws import event
from proxy_api.replay import collect, replay
from tests import strategies
from tests.proxy_api.dialects.converse import CLAUDE
from tests.proxy_api.dialects.wire import joined

openai, converse = DIALECTS["openai_chat"], DIALECTS["bedrock_converse"]
hosted = pytest.mark.parametrize("name", ["anthropic_bedrock", "anthropic_vertex"])
ABLE = facts(CLAUDE)


def byte_by_byte(raw: bytes) -> Iterator[bytes | None]:
    return iter(raw[at : at + 1] for at in range(len(raw)))


def streamed(dialect: Dialect, response: ChatResponse) -> ChatResponse:
    raw = joined(dialect.write_stream(replay(response), include_usage=True))
    return collect(dialect.read_stream(dialect.frames(byte_by_byte(raw)), 1))


@st.composite
def converse_responses(draw: st.DrawFn) -> ChatResponse:
    """Neither id nor model, and no count of reasoning tokens: Bedrock tells none of them."""
    choice = draw(strategies.anthropic_responses()).choices[0]
    natives = {"content_filter": "guardrail_intervened"}
    parts = tuple(part for part in choice.parts if type(part).__name__ != "Refusal")
    usage = draw(st.none() | strategies.usages.filter(lambda usage: usage != Usage()))
    return ChatResponse(
        "",
        "",
        1,
        (Choice(0, parts, choice.finish_reason, natives.get(choice.finish_reason, choice.native_finish_reason)),),
        usage and replace(usage, reasoning_tokens=0),
    )


def _named(part: Part, names: Iterator[str]) -> Part:
    return replace(part, filename=next(names)) if isinstance(part, File) else part


@st.composite
def converse_requests(draw: st.DrawFn) -> ChatRequest:
    """What both languages can say: media by value, documents with names of their own."""
    said = draw(strategies.anthropic_requests())
    names = iter(f"document {number}" for number in range(100))
    messages = tuple(
        Message(
            message.role, tuple(_named(part, names) for part in message.parts if getattr(part, "url", None) is None)
        )
        for message in said.messages
    )
    forms = st.builds(
        lambda schema, name: ResponseFormat("json_schema", name, None, {**schema, "additionalProperties": False}),
        strategies.schemas,
        strategies.ids,
    )
    tiers = st.sampled_from(["default", "flex"])
    knobs = {"service_tier": tiers, "metadata": st.dictionaries(strategies.ids, strategies.ids, min_size=1, max_size=3)}
    choice = said.tool_choice if said.tool_choice and said.tool_choice.mode != "none" else None
    return replace(
        said,
        model="",
        messages=tuple(message for message in messages if message.parts),
        tool_choice=choice,
        response_format=draw(st.none() | forms),
        max_tokens=draw(st.none() | st.integers(1, 4096)),
        stream=False,
        include_usage=False,
        knobs=draw(st.fixed_dictionaries({}, optional=knobs)),
        dialect="bedrock_converse",
    )


def sayable(request: ChatRequest) -> bool:
    """Turns alternate still, and calls of the history have tools."""
    roles = [message.role for message in request.messages]
    return bool(request.tools) and all(first != second for first, second in pairwise(roles))


@given(converse_responses())
def test_a_converse_answer_written_is_read_again(response: ChatResponse) -> None:
    assert converse.read_response(converse.write_response(response), 1) == response


@given(converse_responses())
def test_a_converse_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    assert streamed(converse, response) == response


@given(converse_responses())
def test_a_converse_answer_survives_openais_words(response: ChatResponse) -> None:
    raw = joined(converse.write_stream(replay(response), include_usage=True))
    events = converse.read_stream(converse.frames(byte_by_byte(raw)), 1)
    client = joined(openai.write_stream(events, include_usage=True))
    assert collect(openai.read_stream(openai.frames(byte_by_byte(client)), 0)) == response


@given(converse_requests().filter(sayable))
def test_a_converse_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = converse.write_request(replace(request, model=CLAUDE), ABLE)
    assert (converse.read_request(body), losses) == (request, ())


@given(converse_requests().filter(sayable))
def test_a_converse_request_survives_openais_words(request: ChatRequest) -> None:
    body, _ = openai.write_request(replace(request, model=CLAUDE), ABLE)
    crossed, losses = converse.write_request(openai.read_request(body), ABLE)
    assert (converse.read_request(crossed), losses) == (request, ())


@hosted
@given(response=strategies.anthropic_responses())
def test_a_hosted_answer_and_its_stream_are_read_again(name: str, response: ChatResponse) -> None:
    dialect = DIALECTS[name]
    assert dialect.read_response(dialect.write_response(response), 1) == response
    assert streamed(dialect, response) == response


@hosted
@given(request=strategies.anthropic_requests())
def test_a_hosted_request_written_is_read_again(name: str, request: ChatRequest) -> None:
    body, losses = DIALECTS[name].write_request(request, ABLE)
    stream = request.stream and name == "anthropic_vertex"
    knobs = {key: value for key, value in request.knobs.items() if key != "service_tier"}
    said = replace(request, model="", stream=stream, include_usage=stream, knobs=knobs)
    assert DIALECTS[name].read_request(body) == said
    assert [loss.param for loss in losses] == (["service_tier"] if "service_tier" in request.knobs else [])


KINDS = """messageStart contentBlockStart contentBlockDelta contentBlockStop messageStop metadata chunk error
throttlingException"""
KEYS = """contentBlockIndex delta start stop text toolUse toolUseId name input reasoningContent signature
redactedContent stopReason usage inputTokens role message bytes image format source code output content
citationsContent"""
_keys = st.sampled_from(KEYS.split())
_leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "x", "end_turn"])
values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5), max_leaves=12
)
objects = st.dictionaries(_keys, values, max_size=6)


@pytest.mark.parametrize("name", ["bedrock_converse", "anthropic_bedrock"])
@settings(max_examples=4 * settings.default.max_examples)
@given(events=st.lists(st.tuples(st.sampled_from(KINDS.split()), objects), max_size=5))
def test_any_event_stream_is_events_or_our_error(name: str, events: list[tuple[str, dict[str, Any]]]) -> None:
    raw = b"".join(event(kind, orjson.dumps(data)) for kind, data in events)
    with suppress(GatewayError):
        read = DIALECTS[name].read_stream(DIALECTS[name].frames(iter([raw])), 1)
        list(openai.write_stream(read, True))


@settings(max_examples=4 * settings.default.max_examples)
@given(st.fixed_dictionaries({"output": values | st.fixed_dictionaries({"message": objects}), "stopReason": _leaves}))
def test_any_converse_body_is_an_answer_or_our_error(body: dict[str, Any]) -> None:
    with suppress(GatewayError):
        orjson.dumps(openai.write_response(converse.read_response(body, 1)))
