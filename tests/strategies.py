"""Hypothesis strategies for the neutral chat, within what a language can say.

An answer's parts stand in the one order that OpenAI chat keeps: reasoning, text, refusal, tool calls.
"""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import strategies as st

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
    Usage,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
ids = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=16)
counts = st.integers(0, 10_000)
marks = st.none() | st.just({"type": "ephemeral"})
objects = st.dictionaries(texts, texts | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), max_size=3)
arguments = st.builds(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False), objects)
base64s = st.sampled_from(["", "iVBORw0KGgo=", "R0lGODlhAQABAAAAACw="])
schemas = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(ids, st.just({"type": "string"}))}
)

usages = st.builds(
    lambda fresh, cached, written, said, thought: Usage(
        fresh + cached + written, said + thought, cached, written, thought
    ),
    *[counts] * 5,
)


def reasonings(signatures: st.SearchStrategy[str | None]) -> st.SearchStrategy[Reasoning]:
    return st.builds(Reasoning, texts, signatures) | st.builds(lambda data: Reasoning(redacted=data), ids)


_spoken = st.builds(Text, texts)
_citations = st.builds(Citation, counts, counts, st.just("https://example.com/"), texts) | st.builds(
    Citation, counts, counts, st.none(), st.none() | texts, objects
)
_cited = st.builds(Text, texts, citations=st.lists(_citations, max_size=2).map(tuple))


def answers(
    calls: st.SearchStrategy[list[ToolCall]],
    signatures: st.SearchStrategy[str | None],
    refusals: st.SearchStrategy[list[Refusal]],
    spoken: st.SearchStrategy[Text] = _spoken,
) -> st.SearchStrategy[tuple[Part, ...]]:
    return st.tuples(
        st.lists(reasonings(signatures), max_size=2),
        st.lists(spoken, max_size=1),
        refusals,
        calls,
    ).map(lambda groups: tuple(part for group in groups for part in group))


def several(calls: st.SearchStrategy[ToolCall]) -> st.SearchStrategy[list[ToolCall]]:
    return st.lists(calls, max_size=3, unique_by=lambda call: call.id)


logprobs = st.none() | st.just({"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]})
_reasons = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])


@st.composite
def openai_responses(draw: st.DrawFn) -> ChatResponse:
    calls = st.builds(ToolCall, ids, ids, st.just("") | arguments, signature=st.none() | ids)
    parts = answers(several(calls), st.none() | ids, st.lists(st.builds(Refusal, texts), max_size=1), _cited)
    native = st.sampled_from(["stop", "eos", "tool_use"])
    count = draw(st.integers(1, 3))
    choices = tuple(Choice(index, draw(parts), draw(_reasons), draw(native), draw(logprobs)) for index in range(count))
    return ChatResponse(draw(ids), draw(texts), draw(st.integers(1, 2**40)), choices, draw(st.none() | usages))


@st.composite
def anthropic_responses(draw: st.DrawFn) -> ChatResponse:
    """One choice, signed thoughts, a stop reason that goes with the calls; created is the reader's clock: 1."""
    native, reason = draw(
        st.sampled_from(
            [("end_turn", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"), ("refusal", "content_filter")]
        )
    )
    calls = several(st.builds(ToolCall, ids, ids, arguments)) if native == "tool_use" else st.just([])
    refusals = st.lists(st.builds(Refusal, texts), max_size=1) if native == "refusal" else st.just([])
    parts = draw(answers(calls, ids, refusals))
    return ChatResponse(draw(ids), draw(texts), 1, (Choice(0, parts, reason, native),), draw(usages))


_images = st.builds(Image, st.sampled_from(["image/png", "image/gif"]), base64s, cache_control=marks) | st.builds(
    Image, url=st.just("https://example.com/a.png"), cache_control=marks
)
_files = st.builds(File, st.just("application/pdf"), base64s, filename=st.none() | ids, cache_control=marks)
_said = st.builds(Text, texts, marks) | _images | _files


def _tuples(parts: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(parts, min_size=least, max_size=3).map(tuple)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """system, then user and assistant in turn; calls are answered at once."""
    system = draw(st.lists(st.builds(Message, st.just("system"), _tuples(st.builds(Text, texts, marks))), max_size=1))
    turns: list[Message] = []
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Message("user", draw(_tuples(_said))))
        thoughts = draw(st.lists(reasonings(ids), max_size=1))
        spoken = draw(_tuples(st.builds(Text, texts, marks)))
        calls = draw(st.lists(st.builds(ToolCall, ids, ids, arguments), max_size=2, unique_by=lambda call: call.id))
        turns.append(Message("assistant", (*thoughts, *spoken, *calls)))
        if calls:
            turns.append(
                Message("tool", tuple(ToolResult(call.id, draw(_tuples(st.builds(Text, texts)))) for call in calls))
            )
            turns.append(Message("assistant", draw(_tuples(st.builds(Text, texts, marks)))))
    return (*system, *turns)


@st.composite
def _tool_fields(draw: st.DrawFn) -> dict[str, Any]:
    built = st.builds(Tool, ids, texts, schemas, st.none() | st.just(True), marks)
    tools = tuple(draw(st.lists(built, max_size=3, unique_by=lambda tool: tool.name)))
    if not tools:
        return {}
    modes = st.sampled_from([None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")])
    choice = draw(modes | st.just(ToolChoice("named", (tools[0].name,))))
    return {"tools": tools, "tool_choice": choice}


@st.composite
def anthropic_requests(draw: st.DrawFn) -> ChatRequest:
    """What both languages can say, as Anthropic's reader gives it."""
    stream = draw(st.booleans())
    knobs = draw(
        st.fixed_dictionaries({}, optional={"user": ids, "service_tier": st.sampled_from(["auto", "default"])})
    )
    return ChatRequest(
        model=draw(ids),
        messages=draw(conversations()),
        **draw(_tool_fields()),
        max_tokens=draw(st.integers(1, 4096)),
        temperature=draw(st.none() | st.sampled_from([0, 0.5, 1])),
        top_p=draw(st.none() | st.just(0.9)),
        top_k=draw(st.none() | st.integers(1, 40)),
        stop=tuple(draw(st.lists(ids, max_size=2))),
        stream=stream,
        include_usage=stream,
        knobs=knobs,
        dialect="anthropic",
    )


@st.composite
def openai_requests(draw: st.DrawFn) -> ChatRequest:
    """All that OpenAI's words have a place for, unknown fields included."""
    tools = draw(_tool_fields())
    named = "tool_choice" in tools and tools["tool_choice"] is not None and tools["tool_choice"].mode == "named"
    legacy = bool(tools) and draw(st.booleans())
    if legacy and tools["tool_choice"] is not None and not named:
        tools["tool_choice"] = ToolChoice("auto")
    forms = st.builds(
        ResponseFormat, st.just("json_schema"), ids, st.none() | texts, schemas, st.none() | st.booleans()
    )
    return ChatRequest(
        model=draw(texts),
        messages=draw(conversations()),
        **tools,
        parallel_tool_calls=draw(st.none() | st.booleans()),
        response_format=draw(st.none() | st.just(ResponseFormat("json_object")) | forms),
        max_tokens=draw(st.none() | st.integers(1, 10_000)),
        temperature=draw(st.none() | st.sampled_from([0, 0.7, 2])),
        n=draw(st.none() | st.integers(1, 4)),
        seed=draw(st.none() | st.integers()),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        stream=draw(st.booleans()),
        include_usage=draw(st.booleans()),
        knobs=draw(st.fixed_dictionaries({}, optional={"user": ids, "logit_bias": objects, "reasoning_effort": ids})),
        extra=draw(st.fixed_dictionaries({}, optional={"x_new": objects})),
        legacy_functions=legacy,
    )


_strings = st.none() | st.just("") | texts
_function = st.fixed_dictionaries({"name": ids, "arguments": st.just("") | arguments})
_calls = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "type": st.just("function"), "function": _function}, optional={"x_call": objects}
    ),
    max_size=3,
    unique_by=lambda call: call["id"],
)
_blocks = st.lists(st.fixed_dictionaries({"id": st.none() | ids, "content": texts}), max_size=3)
_messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": _strings},
    optional={
        "refusal": _strings,
        "reasoning": _strings | _blocks,
        "reasoning_content": _strings,
        "tool_calls": _calls,
        "annotations": st.lists(objects, max_size=2),
        "x_message": objects,
    },
)


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    """Finished completions as hosts send them, fields of their own included."""
    choice = st.fixed_dictionaries(
        {"message": _messages, "finish_reason": st.sampled_from(["stop", "length", "tool_calls"])},
        optional={"logprobs": st.none() | st.just({"content": [{"token": "a"}]}), "x_choice": objects},
    )
    count = draw(st.integers(1, 3))
    return {
        "id": draw(ids),
        "object": "chat.completion",
        "created": draw(counts),
        "model": draw(texts),
        "choices": [{"index": index, **draw(choice)} for index in range(count)],
        "usage": {"prompt_tokens": draw(counts), "x_usage": draw(objects)},
        **draw(
            st.fixed_dictionaries({}, optional={"system_fingerprint": st.none() | ids, "citations": st.lists(texts)})
        ),
    }
