"""A Cohere request read into the neutral chat. https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxy_api.chat import (
    ChatRequest,
    Image,
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
from proxy_api.dialects.functions import arguments_text, read_tools
from proxy_api.dialects.openai_chat.messages_in import data_url

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
        messages=tuple(_messages(said["messages"])),
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


def _messages(said: list[Any]) -> Iterator[Message]:
    """Results that follow each other become one message."""
    results: list[ToolResult] = []
    for item in said:
        if item["role"] == "tool":
            results.append(ToolResult(item["tool_call_id"], tuple(_content(item.get("content")))))
            continue
        if results:
            yield Message("tool", tuple(results))
            results = []
        plan = [Reasoning(item["tool_plan"])] if item.get("tool_plan") else []
        calls = [_call(call) for call in item.get("tool_calls") or ()]
        yield Message(item["role"], (*plan, *_content(item.get("content")), *calls))
    if results:
        yield Message("tool", tuple(results))


def _call(said: dict[str, Any]) -> ToolCall:
    return ToolCall(said["id"], said["function"]["name"], arguments_text(said["function"].get("arguments")))


def _content(said: Any) -> Iterator[Part]:
    if isinstance(said, str):
        if said:
            yield Text(said)
        return
    for item in said or ():
        yield _part(item)


def _part(item: dict[str, Any]) -> Part:
    match item:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "thinking", "thinking": str(text)}:
            return Reasoning(text)
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            media_type, data = data_url(url)
            return Image(media_type, data, url if data is None else None, image.get("detail"))
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
