"""A Mistral request read into the neutral chat. https://docs.mistral.ai/api/endpoint/chat"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import (
    Audio,
    ChatRequest,
    File,
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
from proxy_api.dialects.mistral.request_out import PASSED
from proxy_api.dialects.mistral.response import thought
from proxy_api.dialects.reading import content_of, data_url, image_at, together

_KNOBS = (*PASSED, "prediction", "reasoning_effort")
_FIELDS = frozenset(
    {
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "random_seed",
        "response_format",
        "service_tier",
        "stop",
        "stream",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        *_KNOBS,
    }
)
_MODES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent."""
    said = {key: value for key, value in body.items() if value is not None}
    stop = said.get("stop", ())
    tier = said.get("service_tier")
    knobs = {key: said[key] for key in _KNOBS if key in said}
    return ChatRequest(
        model=said["model"],
        messages=together(map(_message, said["messages"])),
        tools=read_tools(said.get("tools", ())),
        tool_choice=_choice(said.get("tool_choice")),
        parallel_tool_calls=said.get("parallel_tool_calls"),
        response_format=_response_format(said.get("response_format") or {}),
        max_tokens=said.get("max_tokens"),
        temperature=said.get("temperature"),
        top_p=said.get("top_p"),
        top_k=said.get("top_k"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        n=said.get("n"),
        seed=said.get("random_seed"),
        stream=said.get("stream", False),
        include_usage=said.get("stream", False),  # a stream of Mistral's always tells its usage
        knobs=knobs | ({"service_tier": "default" if tier == "standard_only" else tier} if tier else {}),
        extra={key: value for key, value in said.items() if key not in _FIELDS},
        dialect="mistral",
    )


def _message(item: dict[str, Any]) -> Message:
    content = tuple(content_of(item.get("content"), _part))
    if item["role"] == "tool":
        return Message("tool", (ToolResult(item.get("tool_call_id") or "", content, item.get("name")),))
    return Message(item["role"], (*content, *map(read_call, item.get("tool_calls") or ())))


def _part(chunk: dict[str, Any]) -> Part:
    match chunk:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "thinking"}:
            return Reasoning(thought(chunk), chunk.get("signature"))
        case _:
            return _media(chunk)


def _media(chunk: dict[str, Any]) -> Part:
    match chunk:
        case {"type": "image_url", "image_url": str(url)}:
            return image_at(url)
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            return image_at(url, image.get("detail"))
        case {"type": "document_url", "document_url": str(url)}:
            media_type, data = data_url(url)
            return File(media_type, data, url if data is None else None, filename=chunk.get("document_name"))
        case {"type": "file", "file_id": str(file_id)}:
            return File(file_id=file_id)
        case {"type": "input_audio", "input_audio": {"data": str(data)} as audio}:
            return Audio(audio.get("format", ""), data)
        case _:
            return Opaque("mistral", chunk)


def _choice(said: Any) -> ToolChoice | None:
    if isinstance(said, dict):
        return ToolChoice("named", (said["function"]["name"],))
    return ToolChoice(_MODES[said]) if said else None  # type: ignore[arg-type]


def _response_format(said: dict[str, Any]) -> ResponseFormat | None:
    match said.get("type"):
        case "json_object":
            return ResponseFormat("json_object")
        case "json_schema":
            form = said["json_schema"]
            return ResponseFormat(
                "json_schema", form.get("name"), form.get("description"), form.get("schema"), form.get("strict")
            )
        case _:
            return None
