"""Neutral messages written as the input items of Responses, in their order.

https://developers.openai.com/api/reference/resources/responses/methods/create (input)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

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
from proxy_api.dialects.openai_responses.reasoning import replayed
from proxy_api.dialects.saying import CallIds, given, parts_of, placed, unsayable
from proxy_api.errors import BadRequest

Item = dict[str, Any]
_NO_MARKS = "OpenAI caches without marks"


@dataclass(slots=True)
class Draft:
    """The items under way. thinks: the model takes reasoning items; stored: OpenAI keeps the answers, so an id finds
    them."""

    thinks: bool = True
    stored: bool = False
    items: list[Item] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    ids: CallIds = field(default_factory=CallIds)

    def lose(self, param: str, reason: str) -> None:
        self.losses.append(Loss(param, reason))


def write_items(messages: tuple[Message, ...], draft: Draft) -> None:
    """Fills the draft. Raises BadRequest naming the client's own message and part where content cannot be said."""
    for where, message in placed(messages):
        if message.name is not None and message.role != "tool":
            draft.lose(f"{where}.name", "Responses has no names of participants")
        match message.role:
            case "tool":
                draft.items.extend(_results(message, where, draft))
            case "assistant":
                draft.items.extend(_followed(list(_assistant(message, where, draft)), where, draft))
            case _:
                draft.items.append({"role": message.role, "content": _content(message.parts, where, draft)})


def _assistant(message: Message, where: str, draft: Draft) -> Iterator[Item]:
    """Text and refusals of one phase are one message item each stretch, thoughts and calls are items beside it."""
    said: list[Item] = []
    phase: str | None = None
    for place, part in parts_of(message, where):
        named = part.phase if isinstance(part, Text) else phase
        if isinstance(part, (Reasoning, ToolCall, Opaque)) or named != phase:
            yield from _message(said, phase)
            said, phase = [], named
        match part:
            case Reasoning():
                yield from _thought(part, place, draft)
            case ToolCall():
                yield _call(part, place, draft)
            case Opaque(dialect="openai_responses"):
                yield dict(part.data)
            case _:
                said += _spoken(part, place, draft)
    yield from _message(said, phase)


def _message(said: list[Item], phase: str | None) -> Iterator[Item]:
    if said:
        yield {"type": "message", "role": "assistant", "content": said} | given({"phase": phase})


def _spoken(part: Part, where: str, draft: Draft) -> Iterator[Item]:
    match part:
        case Text():
            _unmarked(part.cache_control, where, draft)
            if part.text:
                yield {"type": "output_text", "text": part.text}
        case Refusal():
            yield {"type": "refusal", "refusal": part.text}
        case _:
            raise unsayable(part, where)


def _thought(block: Reasoning, where: str, draft: Draft) -> Iterator[Item]:
    item = replayed(block, draft.stored) if draft.thinks else None
    if item is not None:
        yield item
    else:
        reason = "has no signature of OpenAI's" if draft.thinks else "this model does not think"
        draft.lose(where, reason)


def _followed(items: list[Item], where: str, draft: Draft) -> list[Item]:
    """OpenAI refuses a reasoning item that nothing of the assistant's follows."""
    while items and items[-1].get("type") == "reasoning":
        draft.lose(f"{where}.reasoning", "nothing follows it")
        items.pop()
    return items


def _call(call: ToolCall, where: str, draft: Draft) -> Item:
    _unmarked(call.cache_control, where, draft)
    call_id = draft.ids.of_call(call)
    return {"type": "function_call", "call_id": call_id, "name": call.name, "arguments": call.arguments}


def _results(message: Message, place: str, draft: Draft) -> Iterator[Item]:
    for where, part in parts_of(message, place):
        if not isinstance(part, ToolResult):
            raise unsayable(part, where)
        _unmarked(part.cache_control, where, draft)
        if part.is_error:
            draft.lose(f"{where}.is_error", "Responses has no mark for failed calls")
        output = _content(part.parts, where, draft)
        yield {"type": "function_call_output", "call_id": draft.ids.of_result(part, where), "output": output}


def _content(parts: tuple[Part, ...], where: str, draft: Draft) -> Any:
    """One text is a string, nothing is "", anything else a list."""
    said = [_input(part, f"{where}.content[{position}]", draft) for position, part in enumerate(parts)]
    match said:
        case []:
            return ""
        case [{"type": "input_text", "text": text}]:
            return text
        case _:
            return said


def _input(part: Part, where: str, draft: Draft) -> Item:
    if isinstance(part, (Text, Image, File)):
        _unmarked(part.cache_control, where, draft)
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return _image(part, where)
        case File():
            return _file(part, where)
        case Opaque(dialect="openai_responses"):
            return dict(part.data)
        case Audio() | Refusal() | Opaque() | Reasoning() | ToolCall() | ToolResult():
            raise unsayable(part, where)
        case _:
            assert_never(part)


def _image(image: Image, where: str) -> Item:
    url = image.url if image.data is None else f"data:{image.media_type or 'image/png'};base64,{image.data}"
    if not url:
        raise BadRequest("The image has neither data nor an address", param=where)
    return given({"type": "input_image", "image_url": url, "detail": image.detail})


def _file(file: File, where: str) -> Item:
    """OpenAI wants data with its type and a name: https://developers.openai.com/api/docs/guides/pdf-files"""
    if file.data is not None:
        media_type = file.media_type or "application/pdf"
        name = file.filename or f"file.{media_type.rpartition('/')[2]}"
        return {"type": "input_file", "filename": name, "file_data": f"data:{media_type};base64,{file.data}"}
    if not file.file_id and not file.url:
        raise BadRequest("File part missing file_data", param=where)
    return given({"type": "input_file", "file_id": file.file_id, "file_url": file.url})


def _unmarked(cache_control: Any, where: str, draft: Draft) -> None:
    if cache_control is not None:
        draft.lose(f"{where}.cache_control", _NO_MARKS)
