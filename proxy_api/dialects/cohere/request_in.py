"""A Cohere request read into the neutral chat. https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxy_api.chat import (
    ChatRequest,
    Message,
    Opaque,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    ToolChoice,
    ToolResult,
)
from proxy_api.dialects.functions import read_call, read_tools
from proxy_api.dialects.reading import content_of, image_at, together

_KNOBS = ("frequency_penalty", "logprobs", "presence_penalty")
_FIELDS = frozenset(
    {
        "k",
        "max_tokens",
        "messages",
        "model",
        "p",
        "response_format",
        "seed",
        "stop_sequences",
        "stream",
        "strict_tools",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        *_KNOBS,
    }
)
_CHOICES = {"REQUIRED": ToolChoice("required"), "NONE": ToolChoice("none")}


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent."""
    said = {key: value for key, value in body.items() if value is not None}
    strict = said.get("strict_tools") or None
    return ChatRequest(
        model=said["model"],
        messages=together(map(_message, said["messages"])),
        tools=tuple(replace(tool, strict=strict) for tool in read_tools(said.get("tools", ()))),
        tool_choice=_CHOICES.get(said.get("tool_choice", "")),
        response_format=_response_format(said.get("response_format") or {}),
        max_tokens=said.get("max_tokens"),
        temperature=said.get("temperature"),
        top_p=said.get("p"),
        top_k=said.get("k"),
        stop=tuple(said.get("stop_sequences", ())),
        seed=said.get("seed"),
        stream=said.get("stream", False),
        include_usage=said.get("stream", False),  # a stream of Cohere's always tells its usage
        knobs={key: said[key] for key in _KNOBS if key in said} | dict(_thinking(said.get("thinking") or {})),
        extra={key: value for key, value in said.items() if key not in _FIELDS},
        dialect="cohere",
    )


def _message(item: dict[str, Any]) -> Message:
    content = tuple(content_of(item.get("content"), _part))
    if item["role"] == "tool":
        return Message("tool", (ToolResult(item["tool_call_id"], content),))
    plan = [Reasoning(item["tool_plan"])] if item.get("tool_plan") else []
    return Message(item["role"], (*plan, *content, *map(read_call, item.get("tool_calls") or ())))


def _part(item: dict[str, Any]) -> Part:
    match item:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "thinking", "thinking": str(text)}:
            return Reasoning(text)
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            return image_at(url, image.get("detail"))
        case _:
            return Opaque("cohere", item)


def _response_format(said: dict[str, Any]) -> ResponseFormat | None:
    if said.get("type") != "json_object":
        return None
    schema = said.get("json_schema") or said.get("schema")
    return ResponseFormat("json_schema", schema=schema) if schema else ResponseFormat("json_object")


def _thinking(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if said.get("type") == "disabled":
        yield "reasoning_enabled", False
    elif said.get("token_budget"):
        yield "reasoning_budget", said["token_budget"]
    elif said.get("type") == "enabled":
        yield "reasoning_enabled", True
