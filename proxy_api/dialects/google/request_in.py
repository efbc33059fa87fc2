"""A Gemini request read into the neutral chat. https://ai.google.dev/api/generate-content#request-body

The model and whether the answer streams stand in the address: the caller puts them in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from proxy_api.dialects.functions import arguments_text
from proxy_api.dialects.google.fields import get
from proxy_api.dialects.reading import apart
from proxy_api.errors import BadRequest

_FIELDS = frozenset({"contents", "generationConfig", "model", "systemInstruction", "toolConfig", "tools"})
_KNOBS = {
    "frequencyPenalty": "frequency_penalty",
    "logprobs": "top_logprobs",
    "presencePenalty": "presence_penalty",
    "responseLogprobs": "logprobs",
}


@dataclass(slots=True)
class _Calls:
    """made: calls so far; open: those that wait for a result: their id and their function's name."""

    made: int = 0
    open: list[tuple[str, str]] = field(default_factory=list)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """Raises BadRequest for tools that run at Google."""
    config = get(body, "generationConfig") or {}
    choice = _tool_choice(get(get(body, "toolConfig") or {}, "functionCallingConfig") or {})
    return ChatRequest(
        model=body.get("model") or "",
        messages=tuple(_messages(body)),
        tools=tuple(_tools(body.get("tools") or ())),
        tool_choice=choice,
        response_format=_response_format(config),
        max_tokens=get(config, "maxOutputTokens"),
        temperature=config.get("temperature"),
        top_p=get(config, "topP"),
        top_k=get(config, "topK"),
        stop=tuple(get(config, "stopSequences") or ()),
        n=get(config, "candidateCount"),
        seed=config.get("seed"),
        include_usage=True,  # Gemini always tells its usage
        knobs=dict(_knobs(config)),
        extra={name: value for name, value in body.items() if name not in _FIELDS and value is not None},
        dialect="google",
    )


def _messages(body: dict[str, Any]) -> Iterator[Message]:
    system = get(body, "systemInstruction") or {}
    calls = _Calls()
    if parts := tuple(_parts(system, calls)):
        yield Message("system", parts)
    for content in body["contents"]:
        yield from apart("assistant" if content.get("role") == "model" else "user", _parts(content, calls))


def _parts(content: dict[str, Any], calls: _Calls) -> Iterator[Part]:
    given = content.get("parts") or ()
    for part in [given] if isinstance(given, dict) else given:
        yield _part(part, calls)


def _part(part: dict[str, Any], calls: _Calls) -> Part:
    signature = get(part, "thoughtSignature")
    if part.get("thought"):
        return Reasoning(part.get("text") or "", signature)
    if (call := get(part, "functionCall")) is not None:
        return _call(call, signature, calls)
    if (result := get(part, "functionResponse")) is not None:
        return _result(result, calls)
    if isinstance(part.get("text"), str):
        return Text(part["text"], signature=signature)
    return _media(part, signature)


def _call(said: dict[str, Any], signature: str | None, calls: _Calls) -> ToolCall:
    calls.made += 1
    call_id = said.get("id") or f"call_{calls.made}"
    calls.open.append((call_id, said["name"]))
    return ToolCall(call_id, said["name"], arguments_text(said.get("args")), signature)


def _result(said: dict[str, Any], calls: _Calls) -> ToolResult:
    """By its id, else the oldest open call of that name."""
    name, given = said["name"], said.get("id")
    found = next((call for call in calls.open if call[0] == given or (given is None and call[1] == name)), None)
    if found is not None:
        calls.open.remove(found)
    response = said.get("response") or {}
    match response:
        case {"output": str(text)} if len(response) == 1:
            parts: list[Part] = [Text(text)] if text else []
        case {"error": str(text)} if len(response) == 1:
            parts = [Text(text)]
        case _:
            parts = [Text(arguments_text(response))] if response or not said.get("parts") else []
    media = [_media(part) for part in said.get("parts") or ()]
    return ToolResult(found[0] if found else given or "", (*parts, *media), None, response.keys() == {"error"})


def _media(part: dict[str, Any], signature: str | None = None) -> Part:
    blob, file = get(part, "inlineData"), get(part, "fileData")
    if blob is not None:
        kind, data = get(blob, "mimeType") or "", blob.get("data") or ""
        if kind.startswith("audio/"):
            return Audio(kind[6:], data)
        return Image(kind, data, signature=signature) if kind.startswith("image/") else File(kind or None, data)
    if file is not None:
        kind, address = get(file, "mimeType") or "", get(file, "fileUri")
        return Image(url=address) if kind.startswith("image/") else File(kind or None, url=address)
    return Opaque("google", part)


def _tools(said: Any) -> Iterator[Tool]:
    for index, tool in enumerate([said] if isinstance(said, dict) else said):
        declared = get(tool, "functionDeclarations")
        if declared is None:
            raise BadRequest("Tools that run at Google cannot run elsewhere", param=f"tools[{index}]")
        for function in declared:
            schema = get(function, "parametersJsonSchema") or function.get("parameters")
            yield Tool(function["name"], function.get("description"), schema)


def _tool_choice(said: dict[str, Any]) -> ToolChoice | None:
    names = tuple(get(said, "allowedFunctionNames") or ())
    match str(said.get("mode") or "").upper():
        case "ANY":
            return ToolChoice("named" if len(names) == 1 else "required", names)
        case "NONE":
            return ToolChoice("none")
        case "AUTO" | "VALIDATED":
            return ToolChoice("auto", names)
        case _:
            return None


def _response_format(config: dict[str, Any]) -> ResponseFormat | None:
    if get(config, "responseMimeType") != "application/json":
        return None
    schema = get(config, "responseJsonSchema") or get(config, "responseSchema")
    return ResponseFormat("json_object") if schema is None else ResponseFormat("json_schema", schema=schema)


def _knobs(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, knob in _KNOBS.items():
        if (value := get(config, name)) is not None:
            yield knob, value
    if modalities := get(config, "responseModalities"):
        yield "modalities", [word.lower() for word in modalities]
    thinking = get(config, "thinkingConfig") or {}
    level, budget = get(thinking, "thinkingLevel"), get(thinking, "thinkingBudget")
    if level is not None:
        yield "reasoning_effort", level.lower()
    elif budget is not None:
        yield "reasoning_budget", budget
    elif get(thinking, "includeThoughts"):
        yield "reasoning_enabled", True
