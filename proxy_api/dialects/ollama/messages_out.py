"""Neutral messages written as Ollama's. https://docs.ollama.com/api/chat

Content is one string; pictures stand beside it as base64 without a type; thinking and calls have fields of their own. A
result names its tool: https://docs.ollama.com/capabilities/tool-calling
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Audio,
    File,
    Image,
    Loss,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from proxy_api.dialects.functions import arguments_of
from proxy_api.dialects.saying import CallIds, given, parts_of, placed, result_parts, text_of, unsayable
from proxy_api.errors import BadRequest

SEPARATOR = "\n"  # between the texts of one message


@dataclass(slots=True)
class Draft:
    """names: of the tools that were called, by the call's id."""

    losses: list[Loss] = field(default_factory=list)
    ids: CallIds = field(default_factory=CallIds)
    names: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Said:
    """What a message comes to."""

    texts: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        lists = {
            "images": self.images or None,
            "thinking": SEPARATOR.join(self.thoughts) or None,
            "tool_calls": self.calls or None,
        }
        return {"content": SEPARATOR.join(self.texts)} | given(lists)


def write_messages(messages: Iterable[Message], draft: Draft) -> list[dict[str, Any]]:
    """Raises BadRequest naming the client's own message and part where content cannot be said."""
    said = [
        written
        for where, message in placed(messages)
        for written in _written(message, list(parts_of(message, where)), draft)
    ]
    if not said:
        raise BadRequest("At least one message must have content", param="messages")
    return said


def _written(message: Message, parts: list[tuple[str, Part]], draft: Draft) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        for where, part in parts:
            if not isinstance(part, ToolResult):
                raise unsayable(part, where)
            yield _result(part, where, draft)
        return
    fields = _collected(parts, draft).fields()
    role = "system" if message.role == "developer" else message.role
    if role == "user" or any(fields.values()):
        yield {"role": role, **fields}


def _result(result: ToolResult, where: str, draft: Draft) -> dict[str, Any]:
    call_id = draft.ids.of_result(result, where)
    fields = _collected(result_parts(result, where), draft).fields()
    name = result.name or draft.names.get(call_id)
    return {"role": "tool", **fields} | given({"tool_name": name, "tool_call_id": call_id})


def _collected(parts: Iterable[tuple[str, Part]], draft: Draft) -> _Said:
    said = _Said()
    for where, part in parts:
        match part:
            case Text() | Refusal():
                said.texts += [part.text] if part.text else []
            case Image() | File():
                _add_media(said, part, where, draft)
            case Reasoning(redacted=None):
                said.thoughts.append(part.text)
            case Reasoning():
                draft.losses.append(Loss(where, "sealed by another provider"))
            case ToolCall():
                said.calls.append(_call(part, where, draft, len(said.calls)))
            case Audio() | Opaque() | ToolResult():
                raise unsayable(part, where)
    return said


def _call(call: ToolCall, where: str, draft: Draft, index: int) -> dict[str, Any]:
    call_id = draft.ids.of_call(call)
    draft.names[call_id] = call.name
    return {"id": call_id, "function": {"index": index, "name": call.name, "arguments": arguments_of(call, where)}}


def _add_media(said: _Said, part: Image | File, where: str, draft: Draft) -> None:
    """Pictures as they are, files of text as text; there is nothing else."""
    picture = isinstance(part, Image) or (part.media_type or "").startswith("image/")
    if picture and part.data is not None and part.media_type != "application/pdf":
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            draft.losses.append(Loss(f"{where}.image_url.detail", "Ollama has no image detail"))
        said.images.append(part.data)
        return
    if picture and part.data is None:
        raise BadRequest("The image must be fetched or given as a base64 data URL", param=where)
    text = text_of(part, where) if isinstance(part, File) else None
    if text is None:
        raise unsayable(part, where)
    draft.losses.append(Loss(where, "sent as text"))
    said.texts.append(text)
