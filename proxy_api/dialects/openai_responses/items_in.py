"""Input items of Responses read into neutral messages.

What the assistant said in a row (thoughts, text, calls) is one message, and so are results that follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxy_api.chat import File, Message, Opaque, Part, Refusal, Role, Text, ToolCall, ToolResult
from proxy_api.dialects.openai_responses.reasoning import read_reasoning
from proxy_api.dialects.openai_responses.response import NAME, read_call
from proxy_api.dialects.reading import content_of, data_url, image_at, together


def read_input(said: str | list[dict[str, Any]]) -> tuple[Message, ...]:
    if isinstance(said, str):
        return (Message("user", (Text(said),) if said else ()),)
    return together(map(_message, said), ("assistant", "tool"))


def _message(item: dict[str, Any]) -> Message:
    match item.get("type", "message"):
        case "message":
            role: Role = item["role"]
            parts = _parts(item.get("content"))
            phase = item.get("phase")
            if role == "assistant" and phase:
                parts = (replace(part, phase=phase) if isinstance(part, Text) else part for part in parts)
            return Message(role, tuple(parts))
        case "function_call":
            call = read_call(item)
            return Message("assistant", (ToolCall(call.id, call.name, call.arguments),))
        case "function_call_output":
            return Message("tool", (ToolResult(item["call_id"], tuple(_parts(item.get("output")))),))
        case "reasoning":
            block = read_reasoning(item)
            return Message("assistant", (block,) if block else ())
        case _:
            return Message("assistant", (Opaque(NAME, item),))


def _parts(content: Any) -> Iterator[Part]:
    return content_of(content, _part)


def _part(said: dict[str, Any]) -> Part:
    match said:
        case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
            return Text(text)
        case {"type": "refusal", "refusal": str(text)}:
            return Refusal(text)
        case {"type": "input_image", "image_url": str(url)}:
            return image_at(url, said.get("detail"))
        case {"type": "input_file"}:
            return _file(said)
        case _:
            return Opaque(NAME, said)


def _file(said: dict[str, Any]) -> File:
    given = said.get("file_data")
    media_type, data = data_url(given) if given else (None, None)
    return File(
        media_type=media_type,
        data=given if data is None else data,
        url=said.get("file_url"),
        file_id=said.get("file_id"),
        filename=said.get("filename"),
    )
