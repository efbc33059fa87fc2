"""Neutral messages written as Cohere's. https://docs.cohere.com/reference/chat

A message's content is a string or a list of items; an assistant's thinking is one of them. Models that do not think
tell their plan beside the calls (`tool_plan`): https://docs.cohere.com/docs/tool-use-overview
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
from proxy_api.dialects.functions import write_call
from proxy_api.dialects.saying import CallIds, given, only_text, parts_of, placed, result_parts, text_of, unsayable
from proxy_api.errors import BadRequest

Item = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """thinks: the model takes thinking."""

    thinks: bool = False
    losses: list[Loss] = field(default_factory=list)
    ids: CallIds = field(default_factory=CallIds)


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
    match message.role:
        case "system" | "developer":
            if texts := only_text(parts):
                yield {"role": "system", "content": _content([{"type": "text", "text": text} for text in texts])}
        case "tool":
            for where, part in parts:
                if not isinstance(part, ToolResult):
                    raise unsayable(part, where)
                yield _result(part, where, draft)
        case "assistant":
            yield from _assistant(parts, draft)
        case "user":
            yield {"role": "user", "content": _content(_items(parts, draft))}


def _result(result: ToolResult, where: str, draft: Draft) -> dict[str, Any]:
    """Texts and documents; pictures have no place in a result."""
    items = []
    for place, part in result_parts(result, where):
        if isinstance(part, Image):
            raise unsayable(part, place)
        items.append(_item(part, place, draft))
    content = _content([item for item in items if item])
    return {"role": "tool", "tool_call_id": draft.ids.of_result(result, where), "content": content}


def _assistant(parts: list[tuple[str, Part]], draft: Draft) -> Iterator[dict[str, Any]]:
    """Nothing where nothing is said."""
    calls = [write_call(part, draft.ids.of_call(part), where) for where, part in parts if isinstance(part, ToolCall)]
    plan = None if draft.thinks or not calls else _plan(parts)
    told = (Reasoning, ToolCall) if plan else ToolCall
    items = _items([(where, part) for where, part in parts if not isinstance(part, told)], draft)
    content = _content(items) if items else None
    said = given({"content": content, "tool_calls": calls or None, "tool_plan": plan})
    if said:
        yield {"role": "assistant", **said}


def _plan(parts: list[tuple[str, Part]]) -> str | None:
    """The thoughts before a call, to a model that does not think."""
    thoughts = [part for _, part in parts if isinstance(part, Reasoning)]
    if any(thought.redacted is not None for thought in thoughts):
        return None
    return "".join(thought.text for thought in thoughts) or None


def _content(items: list[Item]) -> Any:
    """One text is a string, nothing is ""."""
    match items:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return items


def _items(parts: Iterable[tuple[str, Part]], draft: Draft) -> list[Item]:
    return [item for where, part in parts if (item := _item(part, where, draft))]


def _item(part: Part, where: str, draft: Draft) -> Item | None:
    """None for an empty text, and for thoughts that the model cannot take."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case Reasoning():
            return _thinking(part, where, draft)
        case Image():
            return {"type": "image_url", "image_url": given({"url": _address(part, where), "detail": part.detail})}
        case File():
            return _file(part, where, draft)
        case Opaque(data={"type": str(kind)}) if part.dialect == "cohere" or kind == "document":
            return dict(part.data)
        case Audio() | Opaque() | ToolCall() | ToolResult():
            raise unsayable(part, where)


def _thinking(part: Reasoning, where: str, draft: Draft) -> Item | None:
    if part.redacted is not None or not draft.thinks:
        reason = "this model does not think" if part.redacted is None else "sealed by another provider"
        draft.losses.append(Loss(where, reason))
        return None
    return {"type": "thinking", "thinking": part.text}


def _file(part: File, where: str, draft: Draft) -> Item:
    """Cohere's chat has no files: those of text are said as text."""
    if (part.media_type or "").startswith("image/") and part.data is not None:
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
    if (text := text_of(part, where)) is None:
        raise unsayable(part, where)
    draft.losses.append(Loss(where, "sent as text"))
    return {"type": "text", "text": text}


def _address(part: Image, where: str) -> str:
    """https://docs.cohere.com/docs/image-inputs"""
    if part.data is not None:
        if part.media_type is not None and not part.media_type.startswith("image/"):
            raise unsayable(File(part.media_type, part.data), where)
        return f"data:{part.media_type or 'image/png'};base64,{part.data}"
    if part.url is None or not part.url.lower().startswith(("https://", "http://")):
        raise BadRequest("The address must be an http(s) URL or a base64 data URL", param=where)
    return part.url
