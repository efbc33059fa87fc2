"""An Ollama request read into the neutral chat. https://docs.ollama.com/api/chat"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import ChatRequest, Image, Message, Part, Reasoning, ResponseFormat, Text, ToolResult
from proxy_api.dialects.functions import read_call, read_tools
from proxy_api.dialects.reading import together
from proxy_api.dialects.saying import given

_FIELDS = frozenset({"format", "logprobs", "messages", "model", "options", "stream", "think", "tools", "top_logprobs"})
_SIGNS = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
_OPTIONS = frozenset(
    {
        "frequency_penalty",
        "num_predict",
        "presence_penalty",
        "seed",
        "stop",
        "temperature",
        "top_k",
        "top_p",
    }
)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent; a stream unless it is told otherwise."""
    said = {key: value for key, value in body.items() if value is not None}
    options, stream = said.get("options") or {}, said.get("stream", True)
    stop = options.get("stop", ())
    rest = {key: value for key, value in options.items() if key not in _OPTIONS}
    extra = {key: value for key, value in said.items() if key not in _FIELDS}
    return ChatRequest(
        model=said["model"],
        messages=together(map(_message, said.get("messages", []))),
        tools=read_tools(said.get("tools", ())),
        response_format=_response_format(said.get("format")),
        max_tokens=options.get("num_predict"),
        temperature=options.get("temperature"),
        top_p=options.get("top_p"),
        top_k=options.get("top_k"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=options.get("seed"),
        stream=stream,
        include_usage=stream,  # a stream of Ollama's always tells its usage
        knobs=_knobs(said, options),
        extra=extra | ({"options": rest} if rest else {}),
        dialect="ollama",
    )


def _knobs(said: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    think = said.get("think")
    fields = {
        "frequency_penalty": options.get("frequency_penalty"),
        "presence_penalty": options.get("presence_penalty"),
        "logprobs": said.get("logprobs"),
        "top_logprobs": said.get("top_logprobs"),
        "reasoning_effort": think if isinstance(think, str) else None,
        "reasoning_enabled": think if isinstance(think, bool) else None,
    }
    return given(fields)


def _message(item: dict[str, Any]) -> Message:
    content = tuple(_content(item))
    if item["role"] == "tool":
        return Message("tool", (ToolResult(item.get("tool_call_id") or "", content, item.get("tool_name")),))
    thoughts = [Reasoning(item["thinking"])] if item.get("thinking") else []
    return Message(item["role"], (*thoughts, *content, *map(read_call, item.get("tool_calls") or ())))


def _content(item: dict[str, Any]) -> Iterator[Part]:
    if item.get("content"):
        yield Text(item["content"])
    for data in item.get("images") or ():
        yield Image(_type_of(data), data)


def _type_of(data: str) -> str | None:
    """Ollama's pictures have none beside them: by the first bytes, in base64; None where they are no such picture's."""
    return next((media_type for sign, media_type in _SIGNS.items() if data.startswith(sign)), None)


def _response_format(said: Any) -> ResponseFormat | None:
    if not said:
        return None
    return ResponseFormat("json_object") if said == "json" else ResponseFormat("json_schema", schema=said)
