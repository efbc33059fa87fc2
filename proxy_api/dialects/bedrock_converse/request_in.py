"""A Converse request read into the neutral chat; its model and whether it streams stand in the path, not here.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
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
from proxy_api.dialects.bedrock_converse.media import DOCUMENT_FORMATS
from proxy_api.dialects.bedrock_converse.response import arguments
from proxy_api.dialects.reading import apart

_MEDIA_TYPES = {form: media_type for media_type, form in DOCUMENT_FORMATS.items()}
_FIELDS = frozenset(
    {
        "additionalModelRequestFields",
        "inferenceConfig",
        "messages",
        "outputConfig",
        "requestMetadata",
        "serviceTier",
        "system",
        "toolConfig",
    }
)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent."""
    said = {key: value for key, value in body.items() if value is not None}
    inference, tools = said.get("inferenceConfig") or {}, said.get("toolConfig") or {}
    additional = said.get("additionalModelRequestFields") or {}
    return ChatRequest(
        model="",
        messages=tuple(_messages(said)),
        tools=tuple(_tools(tools.get("tools") or ())),
        tool_choice=_tool_choice(tools.get("toolChoice") or {}),
        response_format=_response_format(said),
        max_tokens=inference.get("maxTokens"),
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        top_k=_top_k(additional),
        stop=tuple(inference.get("stopSequences") or ()),
        knobs=dict(_knobs(said, additional)),
        extra={key: value for key, value in said.items() if key not in _FIELDS},
        dialect="bedrock_converse",
        betas=tuple(additional.get("anthropic_beta") or ()),
    )


def _messages(said: dict[str, Any]) -> Iterator[Message]:
    if system := _parts(said.get("system") or ()):
        yield Message("system", system)
    for item in said["messages"]:
        yield from apart(item["role"], _parts(item.get("content") or ()))


def _parts(blocks: Any) -> tuple[Part, ...]:
    """A cache point is the mark of the part before it."""
    parts: list[Part] = []
    for block in blocks:
        mark = _mark(block)
        last = parts[-1] if parts else None
        if mark is not None and isinstance(last, (Text, Image, File, Audio, ToolCall, ToolResult)):
            parts[-1] = replace(last, cache_control=mark)
        else:
            parts.append(_part(block))
    return tuple(parts)


def _mark(block: dict[str, Any]) -> dict[str, Any] | None:
    """As Anthropic writes it."""
    point = block.get("cachePoint")
    if point is None:
        return None
    return {"type": "ephemeral"} | ({"ttl": point["ttl"]} if point.get("ttl") else {})


def _part(block: dict[str, Any]) -> Part:
    match block:
        case {"text": str(text)}:
            return Text(text)
        case {"reasoningContent": {"reasoningText": {"text": str(text)} as thought}}:
            return Reasoning(text, thought.get("signature"))
        case {"reasoningContent": {"redactedContent": str(data)}}:
            return Reasoning(redacted=data)
        case {"toolUse": {"toolUseId": str(call_id), "name": str(name)} as call}:
            return ToolCall(call_id, name, arguments(call.get("input")))
        case {"toolResult": {"toolUseId": str(call_id)} as result}:
            said = tuple(_result_part(item) for item in result.get("content") or ())
            return ToolResult(call_id, said, None, result.get("status") == "error")
        case _:
            return _media(block)


def _media(block: dict[str, Any]) -> Part:
    match block:
        case {"image": {"format": str(form), "source": dict(source)}}:
            return Image(f"image/{form}", source.get("bytes"), _address(source))
        case {"document": {"format": str(form), "source": dict(source)} as said}:
            return File(_MEDIA_TYPES.get(form), source.get("bytes"), _address(source), None, said.get("name"))
        case {"audio": {"format": str(form), "source": {"bytes": str(data)}}}:
            return Audio(form, data)
        case _:
            return Opaque("bedrock_converse", block)


def _result_part(block: dict[str, Any]) -> Part:
    if "json" in block:
        return Text(json.dumps(block["json"], ensure_ascii=False))
    return _part(block)


def _address(source: dict[str, Any]) -> str | None:
    return (source.get("s3Location") or {}).get("uri")


def _tools(blocks: Any) -> Iterator[Tool]:
    """A cache point is the mark of the tool before it; tools that run at Amazon are no functions."""
    found: list[Tool] = []
    for block in blocks:
        spec, mark = block.get("toolSpec"), _mark(block)
        if spec is not None:
            schema = (spec.get("inputSchema") or {}).get("json")
            found.append(Tool(spec["name"], spec.get("description"), schema, spec.get("strict")))
        elif mark is not None and found:
            found[-1] = replace(found[-1], cache_control=mark)
    yield from found


def _tool_choice(said: dict[str, Any]) -> ToolChoice | None:
    match said:
        case {"tool": {"name": str(name)}}:
            return ToolChoice("named", (name,))
        case {"any": _}:
            return ToolChoice("required")
        case {"auto": _}:
            return ToolChoice("auto")
        case _:
            return None


def _response_format(said: dict[str, Any]) -> ResponseFormat | None:
    form = ((said.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    told = form.get("jsonSchema")
    if told is None:
        return None
    return ResponseFormat("json_schema", told.get("name"), told.get("description"), json.loads(told["schema"]))


def _top_k(additional: dict[str, Any]) -> int | None:
    known = additional.get("top_k", additional.get("k"))
    return known if known is not None else (additional.get("inferenceConfig") or {}).get("topK")


def _knobs(said: dict[str, Any], additional: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    nova, effort = additional.get("reasoningConfig") or {}, (additional.get("output_config") or {}).get("effort")
    level = effort or nova.get("maxReasoningEffort") or additional.get("reasoning_effort")
    if level is not None:
        yield "reasoning_effort", level
    match (additional.get("thinking") or nova).get("type"):
        case "enabled" if "thinking" in additional:
            yield "reasoning_budget", additional["thinking"].get("budget_tokens")
        case "disabled":
            yield "reasoning_enabled", False
        case "adaptive" if level is None:
            yield "reasoning_enabled", True
    if tier := (said.get("serviceTier") or {}).get("type"):
        yield "service_tier", tier
    if metadata := said.get("requestMetadata"):
        yield "metadata", metadata
