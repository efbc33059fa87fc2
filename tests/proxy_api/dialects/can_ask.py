"""What a request to each language cannot say, as data, and requests that say only what several languages can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from proxy_api.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
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
from proxy_api.dialects.saying import parts_of, placed, result_parts
from tests.proxy_api.dialects.can_say import Words
from tests.strategies import arguments, base64s, ids, marks, objects, schemas, texts

# A model of each language that can do all that its language has words for; the model of another may do less.
MODELS = {
    "openai_chat": "gpt-4.1",
    "openai_responses": "my-deployment",
    "anthropic": "claude-sonnet-4-5",
    "anthropic_bedrock": "us.anthropic.claude-opus-4-7",
    "anthropic_vertex": "claude-3-5-haiku@20241022",
    "google": "gemini-3-flash-preview",
    "bedrock_converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "magistral-medium-latest",
    "cohere": "command-a-reasoning-08-2025",
    "ollama": "qwen3",
}

# What is content, or changes what the client gets, and is refused where it cannot be said.
_CLAUDE = frozenset({"choices", "audio", "audio_answer", "file_id", "unknown_part", "bad_arguments"})
REFUSED: dict[str, Words] = {
    "openai_chat": frozenset(),
    "openai_responses": frozenset({"choices", "audio", "audio_answer", "unknown_part"}),
    "anthropic": _CLAUDE,
    "anthropic_bedrock": _CLAUDE,
    "anthropic_vertex": _CLAUDE,
    "google": frozenset({"file_id", "unknown_part", "bad_arguments"}),
    "bedrock_converse": _CLAUDE - {"audio"} | {"address"},
    "mistral": frozenset({"audio_answer", "unknown_part", "bad_arguments"}),
    "cohere": _CLAUDE | {"file", "picture_result"},
    "ollama": _CLAUDE | {"file", "address"},
}

_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)
_data = base64s.filter(bool)
_pictures = st.builds(
    Image, st.just("image/png"), _data, detail=st.sampled_from([None, "auto", "low"]), cache_control=marks
)
_spoken = st.builds(Text, texts, marks)


def _tuples(parts: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(parts, min_size=least, max_size=3).map(tuple)


def _said(without: Words) -> st.SearchStrategy[Part]:
    pdf, address = st.just("application/pdf"), "https://example.com/a"
    kinds: list[tuple[Words, st.SearchStrategy[Part]]] = [
        (frozenset(), _spoken),
        (frozenset(), _pictures),
        (frozenset({"address"}), st.builds(Image, url=st.just(f"{address}.png"))),
        (frozenset({"file"}), st.builds(File, pdf, _data, filename=st.none() | ids, cache_control=marks)),
        (frozenset({"file", "address"}), st.builds(File, url=st.just(f"{address}.pdf"))),
        (frozenset({"file_id"}), st.builds(File, file_id=ids)),
        (frozenset({"audio"}), st.builds(Audio, st.just("wav"), _data)),
        (frozenset({"unknown_part"}), st.just(Opaque("openai_chat", {"type": "hologram"}))),
    ]
    return st.one_of([kind for words, kind in kinds if not words & without])


def _thoughts() -> st.SearchStrategy[list[Reasoning]]:
    known = st.builds(Reasoning, texts, st.none() | ids) | st.builds(lambda data: Reasoning(redacted=data), ids)
    return st.lists(known, max_size=1)


@st.composite
def _turn(draw: st.DrawFn, without: Words, turn: int) -> list[Message]:
    """A user's words and an answer; calls have ids of their own and are answered at once."""
    said = arguments if "bad_arguments" in without else arguments | st.just("[1]")
    calls = [
        ToolCall(f"{name}.{turn}:{place}", name, draw(said), cache_control=draw(marks))
        for place, name in enumerate(draw(st.lists(_names, max_size=2)))
    ]
    results = _spoken if "picture_result" in without else _spoken | _pictures
    refusals = draw(st.lists(st.builds(Refusal, texts), max_size=1))
    turns = [
        Message("user", draw(_tuples(_said(without))), draw(st.none() | _names)),
        Message("assistant", (*draw(_thoughts()), *draw(_tuples(_spoken)), *refusals, *calls)),
    ]
    if calls:
        told = [
            ToolResult(call.id, draw(_tuples(results)), draw(st.sampled_from([None, call.name])), draw(st.booleans()))
            for call in calls
        ]
        turns += [Message("tool", tuple(told)), Message("assistant", draw(_tuples(_spoken)))]
    return turns


@st.composite
def _talk(draw: st.DrawFn, without: Words) -> tuple[Message, ...]:
    """Words of the system at the beginning, and at times in the middle."""
    roles = st.sampled_from(["system", "developer"])
    rules = st.lists(st.builds(Message, roles, _tuples(_spoken)), max_size=1)
    turns = [draw(rules)]
    for turn in range(draw(st.integers(1, 2))):
        turns += [draw(_turn(without, turn)), draw(rules) if draw(st.integers(0, 3)) == 0 else []]
    return (*(message for turn in turns for message in turn), Message("user", draw(_tuples(_said(without)))))


@st.composite
def _tools(draw: st.DrawFn) -> dict[str, Any]:
    extra = st.fixed_dictionaries({}, optional={"x_tool": objects})
    built = st.builds(Tool, _names, st.none() | texts, st.none() | schemas, st.none() | st.booleans(), marks, extra)
    tools = tuple(draw(st.lists(built, max_size=3, unique_by=lambda tool: tool.name)))
    if not tools:
        return {}
    first = (tools[0].name,)
    plain = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]
    named = [ToolChoice("named", first), ToolChoice("auto", first), ToolChoice("required", first)]
    return {
        "tools": tools,
        "tool_choice": draw(st.sampled_from([*plain, *named])),
        "parallel_tool_calls": draw(st.none() | st.booleans()),
    }


_FORMS = st.just(ResponseFormat("json_object")) | st.builds(
    ResponseFormat, st.just("json_schema"), ids, st.none() | texts, schemas, st.none() | st.booleans()
)
_KNOBS: dict[str, st.SearchStrategy[Any]] = {
    "frequency_penalty": st.sampled_from([-1, 0.5]),
    "logit_bias": st.just({"50256": -100}),
    "metadata": st.dictionaries(ids, texts, min_size=1, max_size=2),
    "presence_penalty": st.sampled_from([0.5, 2]),
    "prompt_cache_key": ids,
    "safety_identifier": ids,
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
    "store": st.booleans(),
    "user": ids,
    "verbosity": st.sampled_from(["low", "high"]),
}
_EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"]
_REASONING: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.sampled_from(_EFFORTS).map(lambda effort: {"reasoning_effort": effort})
    | st.sampled_from([0, 100, 2000]).map(lambda budget: {"reasoning_budget": budget})
    | st.booleans().map(lambda enabled: {"reasoning_enabled": enabled})
)
_LOGPROBS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"logprobs": False}, {"logprobs": True}, {"logprobs": True, "top_logprobs": 2}]
)


@st.composite
def requests(draw: st.DrawFn, without: Words) -> ChatRequest:
    """without: words of REFUSED."""
    answers = [None, ["text"], ["text", "image"], *([] if "audio_answer" in without else [["text", "audio"]])]
    modalities = draw(st.sampled_from(answers))
    return ChatRequest(
        model="m",
        messages=draw(_talk(without)),
        **draw(_tools()),
        response_format=draw(st.none() | _FORMS),
        max_tokens=draw(st.none() | st.integers(16, 4096)),
        temperature=draw(st.sampled_from([None, 0, 0.5, 2])),
        top_p=draw(st.sampled_from([None, 0.9, 1])),
        top_k=draw(st.none() | st.integers(1, 40)),
        stop=tuple(draw(st.lists(texts, max_size=6, unique=True))),
        n=draw(st.sampled_from([None, 1] if "choices" in without else [None, 1, 2])),
        seed=draw(st.none() | st.integers(0, 2**31)),
        stream=draw(st.booleans()),
        knobs=draw(st.fixed_dictionaries({}, optional=_KNOBS))
        | draw(_REASONING)
        | draw(_LOGPROBS)
        | ({} if modalities is None else {"modalities": modalities}),
        extra=draw(st.fixed_dictionaries({}, optional={"x_new": objects})),
    )


def features(request: ChatRequest) -> Iterator[tuple[str, str]]:
    """What a request says of the words of REFUSED, and the param of each."""
    if (request.n or 1) > 1:
        yield "choices", "n"
    if "audio" in request.knobs.get("modalities", ()):
        yield "audio_answer", "modalities"
    for place, message in placed(request.messages):
        for where, part in parts_of(message, place):
            yield from ((word, where) for word in _words(part))
            if isinstance(part, ToolCall) and part.arguments == "[1]":
                yield "bad_arguments", f"{where}.function.arguments"
            for inner, piece in result_parts(part, where) if isinstance(part, ToolResult) else ():
                yield from (("picture_result", inner) for _ in [piece] if isinstance(piece, Image))


def _words(part: Part) -> Iterator[str]:
    match part:
        case Image(url=str()):
            yield "address"
        case File(file_id=str()):
            yield "file_id"
        case File():
            yield from ("file", "address") if part.url else ("file",)
        case Audio():
            yield "audio"
        case Opaque():
            yield "unknown_part"
        case _:
            pass
