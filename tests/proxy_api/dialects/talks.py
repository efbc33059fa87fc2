"""Hypothesis strategies for what Mistral, Cohere and Ollama can say, as their readers give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

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
    Usage,
)
from tests.strategies import arguments, counts, ids, logprobs, objects, schemas, several, texts, usages

nines = st.from_regex(r"[a-zA-Z0-9]{9}", fullmatch=True)
_base64s = st.sampled_from(["", "iVBORw0KGgo=", "R0lGODlhAQABAAAAACw="])


@dataclass(frozen=True, slots=True)
class Tongue:
    """What differs between the languages: parts of a user, thoughts, and ids of calls."""

    media: st.SearchStrategy[Part]
    thoughts: st.SearchStrategy[list[Reasoning]]
    call_ids: st.SearchStrategy[str]
    texts: int = 3  # in one message
    names: bool = False  # results name their tool


def _tuples(parts: st.SearchStrategy[Any], most: int, least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(parts, min_size=least, max_size=most).map(tuple)


@st.composite
def _turn(draw: st.DrawFn, tongue: Tongue) -> list[Message]:
    """A user's message, an answer, and where it called tools their results and another answer."""
    said = _tuples(st.builds(Text, texts), tongue.texts)
    call = st.builds(ToolCall, tongue.call_ids, ids, arguments)
    calls = draw(st.lists(call, max_size=2, unique_by=lambda one: one.id))
    turn = [
        Message("user", (*draw(said), *draw(st.lists(tongue.media, max_size=2)))),
        Message("assistant", (*draw(tongue.thoughts), *draw(said), *calls)),
    ]
    if calls:
        results = tuple(ToolResult(one.id, draw(said), one.name if tongue.names else None) for one in calls)
        turn += [Message("tool", results), Message("assistant", draw(said))]
    return turn


@st.composite
def _talk(draw: st.DrawFn, tongue: Tongue) -> tuple[Message, ...]:
    system = draw(st.lists(st.builds(Message, st.just("system"), _tuples(st.builds(Text, texts), tongue.texts))))
    turns = draw(st.lists(_turn(tongue), min_size=1, max_size=3))
    return (*system[:1], *(message for turn in turns for message in turn))


def _tools(strict: st.SearchStrategy[Any], choices: list[ToolChoice | None]) -> st.SearchStrategy[dict[str, Any]]:
    def fields(tools: list[Tool], choice: ToolChoice | None, strict: Any) -> dict[str, Any]:
        told = tuple(Tool(tool.name, tool.description, tool.parameters, strict) for tool in tools)
        if choice is not None and choice.mode == "named":
            choice = ToolChoice("named", (tools[0].name,))
        return {"tools": told, "tool_choice": choice}

    tools = st.lists(st.builds(Tool, ids, texts, schemas), min_size=1, max_size=3, unique_by=lambda tool: tool.name)
    return st.just({}) | st.builds(fields, tools, st.sampled_from(choices), strict)


_MISTRAL = Tongue(
    media=st.builds(Image, st.just("image/png"), _base64s, detail=st.none() | st.just("low"))
    | st.builds(Image, url=st.just("https://example.com/a.png"))
    | st.builds(File, st.just("application/pdf"), _base64s, filename=st.none() | ids)
    | st.builds(File, url=st.just("https://example.com/a.pdf"))
    | st.builds(File, file_id=ids),
    thoughts=st.lists(st.builds(Reasoning, texts, st.none() | ids), max_size=2),
    call_ids=nines,
    names=True,
)
_FORM = st.builds(ResponseFormat, st.just("json_schema"), ids, st.none() | texts, schemas, st.none() | st.booleans())


_KNOBS = {
    "frequency_penalty": st.just(0.5),
    "logprobs": st.booleans(),
    "metadata": objects,
    "prediction": st.just({"type": "content", "content": "x"}),
    "prompt_cache_key": ids,
    "reasoning_effort": st.sampled_from(["none", "high"]),
    "service_tier": st.sampled_from(["auto", "default"]),
}


@st.composite
def mistral_requests(draw: st.DrawFn) -> ChatRequest:
    stream = draw(st.booleans())
    choices = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named")]
    tools = draw(_tools(st.none() | st.booleans(), choices))
    return ChatRequest(
        model=draw(ids),
        messages=draw(_talk(_MISTRAL)),
        **tools,
        parallel_tool_calls=draw(st.none() | st.booleans()) if tools else None,
        response_format=draw(st.none() | st.just(ResponseFormat("json_object")) | _FORM),
        max_tokens=draw(st.none() | st.integers(1, 10_000)),
        temperature=draw(st.none() | st.sampled_from([0, 0.7])),
        top_p=draw(st.none() | st.just(0.9)),
        n=draw(st.none() | st.integers(1, 4)),
        seed=draw(st.none() | st.integers(0, 2**31)),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        stream=stream,
        include_usage=stream,
        knobs=draw(st.fixed_dictionaries({}, optional=_KNOBS)),
        extra=draw(st.fixed_dictionaries({}, optional={"safe_prompt": st.booleans()})),
        dialect="mistral",
    )


def _parts(draw: st.DrawFn, thoughts: Any, calls: Any) -> tuple[Part, ...]:
    return (*draw(thoughts), *draw(st.lists(st.builds(Text, texts), max_size=1)), *draw(calls))


@st.composite
def mistral_responses(draw: st.DrawFn) -> ChatResponse:
    ends: Any = [("stop", "stop"), ("model_length", "length"), ("tool_calls", "tool_calls")]
    choices = []
    for index in range(draw(st.integers(1, 3))):
        native, reason = draw(st.sampled_from(ends))
        calls = several(st.builds(ToolCall, ids, ids, arguments)) if native == "tool_calls" else st.just([])
        parts = _parts(draw, _MISTRAL.thoughts, calls)
        choices.append(Choice(index, parts, reason, native, draw(logprobs)))
    return ChatResponse(draw(ids), draw(texts), draw(st.integers(1, 2**40)), tuple(choices), draw(st.none() | usages))


_COHERE = Tongue(
    media=st.builds(Image, st.just("image/png"), _base64s, detail=st.none() | st.just("low"))
    | st.builds(Image, url=st.just("https://example.com/a.png")),
    thoughts=st.lists(st.builds(Reasoning, texts), max_size=2),
    call_ids=ids,
)
_THINKING: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"reasoning_enabled": False}, {"reasoning_enabled": True}, {"reasoning_budget": 9}]
)


@st.composite
def cohere_requests(draw: st.DrawFn) -> ChatRequest:
    stream = draw(st.booleans())
    tools = draw(_tools(st.sampled_from([None, True]), [None, ToolChoice("none"), ToolChoice("required")]))
    forms = st.just(ResponseFormat("json_object")) | st.builds(ResponseFormat, st.just("json_schema"), schema=schemas)
    knobs = {"frequency_penalty": st.just(0.5), "presence_penalty": st.just(1), "logprobs": st.booleans()}
    return ChatRequest(
        model=draw(ids),
        messages=draw(_talk(_COHERE)),
        **tools,
        response_format=None if tools else draw(st.none() | forms),
        max_tokens=draw(st.none() | st.integers(1, 10_000)),
        temperature=draw(st.none() | st.sampled_from([0, 0.7])),
        top_p=draw(st.none() | st.just(0.9)),
        top_k=draw(st.none() | st.integers(0, 500)),
        seed=draw(st.none() | st.integers(0, 2**31)),
        stop=tuple(draw(st.lists(texts, max_size=5))),
        stream=stream,
        include_usage=stream,
        knobs=draw(st.fixed_dictionaries({}, optional=knobs)) | draw(_THINKING),
        extra=draw(st.fixed_dictionaries({}, optional={"safety_mode": st.just("STRICT")})),
        dialect="cohere",
    )


@st.composite
def cohere_responses(draw: st.DrawFn) -> ChatResponse:
    """One choice and no model; created is the reader's clock: 1."""
    ends: Any = [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("TOOL_CALL", "tool_calls"),
    ]
    native, reason = draw(st.sampled_from(ends))
    calls = several(st.builds(ToolCall, ids, ids, arguments)) if native == "TOOL_CALL" else st.just([])
    usage = st.builds(Usage, counts, counts, counts, st.just(0), counts)
    choice = Choice(0, _parts(draw, _COHERE.thoughts, calls), reason, native)
    return ChatResponse(draw(ids), "", 1, (choice,), draw(st.none() | usage))


_OLLAMA = Tongue(
    media=st.sampled_from(
        [Image(data=""), Image("image/png", "iVBORw0KGgo="), Image("image/gif", "R0lGODlhAQABAAAAACw=")]
    ),
    thoughts=st.lists(st.builds(Reasoning, texts), max_size=1),
    call_ids=ids,
    texts=1,
    names=True,
)
_LEVELS = [{"reasoning_effort": "low"}, {"reasoning_enabled": True}, {"reasoning_enabled": False}]


@st.composite
def ollama_requests(draw: st.DrawFn) -> ChatRequest:
    stream = draw(st.booleans())
    forms = st.just(ResponseFormat("json_object")) | st.builds(ResponseFormat, st.just("json_schema"), schema=schemas)
    knobs = {"frequency_penalty": st.just(0.5), "logprobs": st.booleans(), "top_logprobs": st.integers(0, 20)}
    extra = {"keep_alive": st.just("5m"), "options": st.just({"num_ctx": 4096})}
    return ChatRequest(
        model=draw(ids),
        messages=draw(_talk(_OLLAMA)),
        tools=draw(_tools(st.none(), [None])).get("tools", ()),
        response_format=draw(st.none() | forms),
        max_tokens=draw(st.none() | st.integers(1, 10_000)),
        temperature=draw(st.none() | st.sampled_from([0, 0.7])),
        top_p=draw(st.none() | st.just(0.9)),
        top_k=draw(st.none() | st.integers(0, 500)),
        seed=draw(st.none() | st.integers(0, 2**31)),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        stream=stream,
        include_usage=stream,
        knobs=draw(st.fixed_dictionaries({}, optional=knobs)) | draw(st.sampled_from([{}, *_LEVELS])),
        extra=draw(st.fixed_dictionaries({}, optional=extra)),
        dialect="ollama",
    )


@st.composite
def ollama_responses(draw: st.DrawFn) -> ChatResponse:
    """One choice and no id."""
    native, reason = draw(st.sampled_from([("stop", "stop"), ("length", "length"), ("stop", "tool_calls")]))
    call = st.builds(ToolCall, ids, ids, arguments)
    calls = st.lists(call, min_size=1, max_size=3, unique_by=lambda one: one.id)
    parts = _parts(draw, _OLLAMA.thoughts, calls if reason == "tool_calls" else st.just([]))
    choice = Choice(0, parts, reason, native)  # type: ignore[arg-type]
    usage = draw(st.none() | st.builds(Usage, counts, counts))
    return ChatResponse("", draw(texts), draw(st.integers(1, 2**31)), (choice,), usage)
