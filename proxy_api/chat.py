"""The neutral chat: what every dialect is read into and written from when languages are crossed.

Ordered, typed parts; frozen; no I/O. Units: tokens for usage, base64 text for media, JSON text for tool arguments.
Invariant: nothing in here knows a provider, HTTP, Django or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = Any
Role = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


@dataclass(frozen=True, slots=True)
class Citation:
    """What a text rests on. start, end: of the cited passage, in characters of the whole answer's text; native: the
    provider's own form, which it may want back."""

    start: int
    end: int
    url: str | None = None
    title: str | None = None
    native: JSON = None


@dataclass(frozen=True, slots=True)
class Text:
    """`signature` proves to its provider the thinking that led to this text (Gemini signs texts too). `phase`: what a
    model calls this text of its answer, `commentary` on the way or `final_answer`; it wants the word back."""

    text: str
    cache_control: JSON = None
    signature: str | None = None
    citations: tuple[Citation, ...] = ()
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """Either data (base64, with its media type) or a url. `signature`: as in Text, of an image that a model made."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None
    cache_control: JSON = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A document: data (base64), a url, or a provider's file id."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    cache_control: JSON = None


@dataclass(frozen=True, slots=True)
class Audio:
    format: str
    data: str
    cache_control: JSON = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Thinking of the model. `signature` proves it to its provider; `redacted` is the sealed form without text."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON text as the model wrote it; "" means none. `id` is "" for OpenAI's legacy function_call,
    which has none."""

    id: str
    name: str
    arguments: str = ""
    signature: str | None = None
    cache_control: JSON = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`call_id` is "" for the answer to a legacy function_call, which is found by its `name`."""

    call_id: str
    parts: tuple[Part, ...] = ()
    name: str | None = None
    is_error: bool = False
    cache_control: JSON = None


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that only its own dialect understands; written back by that dialect, refused by every other."""

    dialect: str
    data: JSON


Part = Text | Image | File | Audio | Reasoning | ToolCall | ToolResult | Refusal | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """Results of parallel tool calls stand together in one message of role `tool`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """`parameters` is a JSON Schema whose key order is kept; `extra` are the fields that only some providers know."""

    name: str
    description: str | None = None
    parameters: JSON = None
    strict: bool | None = None
    cache_control: JSON = None
    extra: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """mode: auto, none, required, or named (then exactly the one in `names`); an allowed list restricts the tools to
    `names` under auto or required."""

    mode: Literal["auto", "none", "required", "named"]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """type json_object, or json_schema with its schema (key order kept)."""

    type: Literal["json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: JSON = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request. `None` means: not said. `knobs` are tuning parameters by their OpenAI names, values unchanged
    (frequency_penalty, logit_bias, user, metadata, service_tier, reasoning_effort, ...); `extra` are the unknown
    top-level fields of `dialect`, the language that the request came in. `legacy_functions`: the tools were said as
    `functions`, so the answer says `function_call`. `native_tools`: tools that run at one provider, each with its place
    among the client's tools; `tools` are the others. `betas`: names of features in trial that the client asked for
    beside its body; they mean something to the models of their own maker alone."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None
    stream: bool = False
    include_usage: bool = False
    knobs: Mapping[str, JSON] = field(default_factory=dict)
    extra: Mapping[str, JSON] = field(default_factory=dict)
    dialect: str = "openai_chat"
    legacy_functions: bool = False
    native_tools: tuple[tuple[int, Opaque], ...] = ()
    betas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. Invariant: input_tokens includes cached and cache-written ones, output_tokens includes reasoning.
    `native`: what the provider counts beside them, in its own words (how long cache writes live, searches made)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    native: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """finish_reason is OpenAI's; native_finish_reason is the provider's own word. logprobs: as OpenAI has them,
    {"content": [{"token", "logprob", "bytes", "top_logprobs"}, ...]}."""

    index: int
    parts: tuple[Part, ...]
    finish_reason: FinishReason
    native_finish_reason: str | None = None
    logprobs: JSON = None


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """A finished answer. created: Unix seconds; extra: fields of the whole answer that only its provider has."""

    id: str
    model: str
    created: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)


# Stream events. A reader yields None for a silence (the transport's keep-alive tick): pass it on, never swallow it.
@dataclass(frozen=True, slots=True)
class Started:
    """The first event of every stream. so_far: asked at any moment later, what the provider has told of its usage until
    then, where it tells it before the end; an event for each piece that tells it would cost every stream."""

    id: str
    model: str
    created: int
    so_far: Callable[[], Usage] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """logprobs: of this piece's tokens, as in Choice; signature: as in Text, the last one wins; citations: of the text
    up to here, and what follows is a block of its own. The text may then be empty. phase: a text of its own begins,
    which is called so."""

    text: str
    choice: int = 0
    logprobs: JSON = None
    signature: str | None = None
    citations: tuple[Citation, ...] = ()
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """`block` counts the reasoning blocks of a choice from 0; signature and redacted may come in a delta alone."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    block: int = 0
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallStart:
    """`index` counts the tool calls of a choice from 0. A legacy function_call has the id "" and the index -1.
    whole: the next event is a ToolCallDelta with all of its arguments, so that both can be said at once."""

    index: int
    id: str
    name: str
    choice: int = 0
    signature: str | None = None
    whole: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    index: int
    arguments: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class MediaSeen:
    """A whole image or piece of audio that the model made, `index` counts those of a choice from 0; or a part that
    only its own dialect understands, which every other passes over."""

    part: Image | Audio | Opaque
    index: int = 0
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """extra: as in ChatResponse, told at the end of a stream; all choices' together are the answer's."""

    finish_reason: FinishReason
    native_finish_reason: str | None = None
    choice: int = 0
    extra: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """Usage of the whole answer; the last one wins."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own terminal event was seen: only then is a stream complete."""


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallStart
    | ToolCallDelta
    | MediaSeen
    | Finished
    | UsageSeen
    | Ended
)


@dataclass(frozen=True, slots=True)
class Loss:
    """A parameter that crossing languages dropped, clamped or emulated. param: OpenAI's name; reason: a few words."""

    param: str
    reason: str
