"""An Anthropic request read into the neutral chat. https://platform.claude.com/docs/en/api/messages/create"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import (
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
from proxy_api.dialects.anthropic.native import NAME, TOOL_FIELDS, read_citations
from proxy_api.dialects.anthropic.response import arguments
from proxy_api.dialects.reading import apart, content_of
from proxy_api.errors import BadRequest

_FIELDS = frozenset(
    {
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent."""
    said = {key: value for key, value in body.items() if value is not None}
    choice = said.get("tool_choice") or {}
    tools = list(enumerate(said.get("tools", ())))
    return ChatRequest(
        model=said["model"],
        messages=tuple(_messages(said)),
        tools=tuple(_tool(tool) for _, tool in tools if not _is_native(tool)),
        native_tools=tuple((index, Opaque(NAME, tool)) for index, tool in tools if _is_native(tool)),
        tool_choice=_tool_choice(choice),
        parallel_tool_calls=False if choice.get("disable_parallel_tool_use") else None,
        response_format=_response_format(said),
        max_tokens=said.get("max_tokens"),
        temperature=said.get("temperature"),
        top_p=said.get("top_p"),
        top_k=said.get("top_k"),
        stop=tuple(said.get("stop_sequences", ())),
        stream=said.get("stream", False),
        include_usage=said.get("stream", False),  # an Anthropic stream always tells its usage
        knobs=dict(_knobs(said)),
        extra={key: value for key, value in said.items() if key not in _FIELDS},
        dialect="anthropic",
    )


def _messages(said: dict[str, Any]) -> Iterator[Message]:
    system = tuple(_parts(said.get("system", "")))
    if system:
        yield Message("system", system)
    for item in said["messages"]:
        yield from apart(item["role"], _parts(item["content"]))


def _parts(content: Any) -> Iterator[Part]:
    return content_of(content, _part)


def _part(block: dict[str, Any]) -> Part:
    match block:
        case {"type": "text", "text": str(text)}:
            cited = read_citations(block.get("citations"), 0, len(text))
            return Text(text, block.get("cache_control"), citations=cited)
        case {"type": "thinking", "thinking": str(text)}:
            return Reasoning(text, block.get("signature") or None)
        case {"type": "redacted_thinking", "data": str(data)}:
            return Reasoning(redacted=data)
        case _:
            return _marked_part(block, block.get("cache_control"))


def _marked_part(block: dict[str, Any], mark: Any) -> Part:
    match block:
        case {"type": "image", "source": {"type": "base64" | "url"} as source}:
            return Image(source.get("media_type"), source.get("data"), source.get("url"), cache_control=mark)
        case {"type": "document", "source": {"type": "base64" | "url"} as source}:
            title = block.get("title")
            return File(source.get("media_type"), source.get("data"), source.get("url"), None, title, mark)
        case {"type": "tool_use", "id": str(call_id), "name": str(name)}:
            return ToolCall(call_id, name, arguments(block.get("input")), cache_control=mark)
        case {"type": "tool_result", "tool_use_id": str(call_id)}:
            return ToolResult(call_id, tuple(_parts(block.get("content"))), None, bool(block.get("is_error")), mark)
        case _:
            return Opaque("anthropic", block)


def _is_native(tool: dict[str, Any]) -> bool:
    """A tool that runs at Anthropic, or that its models know by heart."""
    return (tool.get("type") or "custom") != "custom"


def _tool(said: dict[str, Any]) -> Tool:
    return Tool(
        said["name"],
        said.get("description"),
        said.get("input_schema"),
        said.get("strict"),
        said.get("cache_control"),
        {name: said[name] for name in TOOL_FIELDS if said.get(name) is not None},
    )


def _tool_choice(said: dict[str, Any]) -> ToolChoice | None:
    match said.get("type"):
        case None:
            return None
        case "tool":
            return ToolChoice("named", (said["name"],))
        case "auto":
            return ToolChoice("auto")
        case "any":
            return ToolChoice("required")
        case "none":
            return ToolChoice("none")
        case _:
            raise BadRequest("tool_choice must be auto, any, tool or none", param="tool_choice.type")


def _response_format(said: dict[str, Any]) -> ResponseFormat | None:
    form = (said.get("output_config") or {}).get("format")
    return ResponseFormat("json_schema", schema=form.get("schema")) if form else None


def _knobs(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    thinking, effort = said.get("thinking") or {}, (said.get("output_config") or {}).get("effort")
    if effort is not None:
        yield "reasoning_effort", effort
    match thinking.get("type"):
        case "enabled":
            yield "reasoning_budget", thinking.get("budget_tokens")
        case "disabled":
            yield "reasoning_enabled", False
        case "adaptive" if effort is None:
            yield "reasoning_enabled", True
    if user := (said.get("metadata") or {}).get("user_id"):
        yield "user", user
    if tier := said.get("service_tier"):
        yield "service_tier", "default" if tier == "standard_only" else tier
