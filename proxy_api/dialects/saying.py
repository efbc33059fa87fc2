"""Writing a request in any language: where each part stands for the client, and what cannot be said.

Params name the client's own messages, so that a refusal points at what the client sent.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from proxy_api.chat import (
    JSON,
    ChatRequest,
    File,
    Loss,
    Message,
    Opaque,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from proxy_api.errors import BadRequest

JSON_LINE = "Answer with one JSON object and nothing else: no prose, no code fence."
_TEXTUAL = ("text/", "application/json", "application/xml", "application/x-ndjson", "application/yaml")


def placed(messages: Iterable[Message]) -> Iterator[tuple[str, Message]]:
    """Each message with its param; results of parallel calls were messages each."""
    index = 0
    for message in messages:
        yield f"messages[{index}]", message
        index += len(message.parts) if message.role == "tool" else 1


def parts_of(message: Message, where: str) -> Iterator[tuple[str, Part]]:
    """Each part with its param. where: the message's own."""
    spoken = calls = 0
    for position, part in enumerate(message.parts):
        match part:
            case Reasoning():
                yield f"{where}.reasoning", part
            case ToolCall():
                yield (f"{where}.tool_calls[{calls}]" if part.id else f"{where}.function_call"), part
                calls += 1
            case ToolResult():
                yield f"messages[{int(where[9:-1]) + position}]", part
            case _:
                yield f"{where}.content[{spoken}]", part
                spoken += 1


def result_parts(result: ToolResult, where: str) -> Iterator[tuple[str, Part]]:
    for position, part in enumerate(result.parts):
        yield f"{where}.content[{position}]", part


def unsayable(part: Part, where: str) -> BadRequest:
    kind = part.data.get("type") if isinstance(part, Opaque) and isinstance(part.data, dict) else type(part).__name__
    return BadRequest(
        f"This provider has no content of type {str(kind).lower()}", param=where, code="unsupported_content"
    )


def only_text(parts: Iterable[tuple[str, Part]]) -> list[str]:
    """Texts that are not empty. Raises BadRequest for anything else."""
    texts = []
    for where, part in parts:
        if not isinstance(part, Text):
            raise unsayable(part, where)
        texts.append(part.text)
    return [text for text in texts if text]


def text_of(file: File, where: str) -> str | None:
    """A textual file as text under its name, for languages that have no documents; None for any other file. Raises
    BadRequest where it says that it is text, but is no UTF-8."""
    if file.data is None or file.media_type is None or not file.media_type.startswith(_TEXTUAL):
        return None
    try:
        text = decoded(file.data, where).decode()
    except UnicodeDecodeError:
        raise BadRequest("The file says that it is text, but is no UTF-8", param=where) from None
    return f"{file.filename}:\n{text}" if file.filename else text


def decoded(data: str, where: str) -> bytes:
    """Base64 (RFC 4648), strictly."""
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The data is not valid base64", param=where) from None


def silent(request: ChatRequest) -> None:
    """Raises BadRequest where an answer in audio is asked for."""
    if "audio" in (request.knobs.get("modalities") or ()) or request.knobs.get("audio"):
        param = "modalities" if request.knobs.get("modalities") else "audio"
        raise BadRequest("This provider does not answer in audio", param=param, code="unsupported_value")


def single(request: ChatRequest) -> None:
    """Raises BadRequest where more than one choice is asked for."""
    if request.n is not None and request.n > 1:
        raise BadRequest("This provider gives one choice only", param="n", code="unsupported_value")


def marks(request: ChatRequest) -> Iterator[Loss]:
    """What stands beside the content, for languages without a word for it: cache marks, names of speakers, results
    marked as errors."""
    for place, message in placed(request.messages):
        if message.name is not None:
            yield Loss(f"{place}.name", "this provider has no names of speakers")
        for where, part in parts_of(message, place):
            yield from _marks_of(part, where)
    for index, tool in enumerate(request.tools):
        if tool.cache_control is not None:
            yield Loss(f"tools[{index}].cache_control", "this provider has no cache marks")


def _marks_of(part: Part, where: str) -> Iterator[Loss]:
    if getattr(part, "cache_control", None) is not None:
        yield Loss(f"{where}.cache_control", "this provider has no cache marks")
    if isinstance(part, ToolResult):
        if part.is_error:
            yield Loss(f"{where}.is_error", "this provider has no word for it")
        for place, piece in result_parts(part, where):
            yield from _marks_of(piece, place)


@dataclass(slots=True)
class CallIds:
    """Ids of tool calls. Legacy function calls have none: one is made up, and the function's answer finds the oldest
    open call of its name. pending: names and made-up ids of calls whose result has not come yet."""

    pending: list[tuple[str, str]] = field(default_factory=list)
    made: int = 0

    def of_call(self, call: ToolCall) -> str:
        if call.id:
            return call.id
        self.made += 1
        self.pending.append((call.name, f"call_{self.made}"))
        return self.pending[-1][1]

    def of_result(self, result: ToolResult, where: str) -> str:
        if result.call_id:
            return result.call_id
        for position, (name, made) in enumerate(self.pending):
            if name == result.name:
                del self.pending[position]
                return made
        raise BadRequest("This message answers no function call", param=f"{where}.name")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client wants of reasoning, and by which param. effort "none": none; None: not said."""

    param: str | None = None
    effort: str | None = None
    budget: int | None = None


def wish(request: ChatRequest) -> Wish:
    """An explicit budget beats an effort; false and 0 switch off; true alone leaves the effort to the model."""
    enabled, budget = request.knobs.get("reasoning_enabled"), request.knobs.get("reasoning_budget")
    effort = request.knobs.get("reasoning_effort")
    if enabled is False:
        return Wish("reasoning_enabled", "none")
    if budget is not None:
        return Wish("reasoning_budget", "none") if budget <= 0 else Wish("reasoning_budget", effort, int(budget))
    if effort is not None:
        return Wish("reasoning_effort", effort)
    return Wish("reasoning_enabled") if enabled else Wish()


def known_choice(request: ChatRequest) -> ToolChoice | None:
    """The choice of tools; None where it means nothing without any. Raises BadRequest for one of tools that are not
    there."""
    choice, tools = request.tool_choice, bool(request.tools or request.native_tools)
    if choice is None or (not tools and choice.mode in ("auto", "none")):
        return None
    names = {tool.name for tool in request.tools} | {named(tool) for _, tool in request.native_tools}
    missing = [name for name in choice.names if name not in names]
    if missing or not tools:
        told = f"Tool {missing[0]!r} is not among the tools" if missing else "tool_choice needs tools"
        raise BadRequest(told, param="function_call" if request.legacy_functions else "tool_choice")
    return choice


def named(tool: Opaque) -> str | None:
    """The name of a tool that runs at its provider, where it has one."""
    name = tool.data.get("name") if isinstance(tool.data, dict) else None
    return name if isinstance(name, str) else None


def chosen(request: ChatRequest) -> ChatRequest:
    """With the tools that the choice leaves, and a choice without a list. Raises BadRequest for a choice of tools that
    are not there; a choice that means nothing without tools is left out."""
    choice = known_choice(request)
    if choice is None:
        return replace(request, tool_choice=None)
    if choice.mode == "named" or not choice.names:
        return request
    allowed = tuple(tool for tool in request.tools if tool.name in choice.names)
    return replace(request, tools=allowed, tool_choice=ToolChoice(choice.mode))


def described(form: ResponseFormat) -> JSON:
    """A format's schema with what the format says about itself, for languages that take a schema alone."""
    schema = form.schema
    if not schema or not form.description or "description" in schema:
        return schema
    return schema | {"description": form.description}


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that are said."""
    return {name: value for name, value in fields.items() if value is not None}


def unheard(request: ChatRequest, said: Iterable[str]) -> Iterator[Loss]:
    """Tuning parameters and unknown fields that are not among `said`."""
    known = frozenset(said)
    for name in request.knobs:
        if name not in known:
            yield Loss(name, "unknown to this provider")
    for name in request.extra:
        if name not in known:
            yield Loss(name, "unknown field")
