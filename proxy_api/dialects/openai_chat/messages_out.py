"""Neutral messages and parts written as OpenAI's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, assert_never

from proxy_api.chat import Audio, File, Image, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from proxy_api.dialects.openai_chat.annotations import write_annotations


def write_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Each tool result is a message of its own."""
    return [said for message in messages for said in _message(message)]


def _message(message: Message) -> Iterator[dict[str, Any]]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    for result in results:
        yield _result(result)
    if message.role == "assistant":
        yield _named(write_assistant(rest), message)
    elif rest or not results:
        yield _named({"role": message.role, "content": _content(rest)}, message)


def _named(said: dict[str, Any], message: Message) -> dict[str, Any]:
    return said | ({"name": message.name} if message.name is not None else {})


def _result(result: ToolResult) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "tool", "tool_call_id": result.call_id} if result.call_id else {"role": "function"}
    said["content"] = _content(result.parts)
    marks = {"name": result.name, "is_error": result.is_error or None, "cache_control": result.cache_control}
    return said | {name: value for name, value in marks.items() if value is not None}


def write_assistant(parts: Sequence[Part]) -> dict[str, Any]:
    """One assistant message, of a request or of an answer. `content` is null only where something else is said."""
    if len(parts) == 1 and is_bare(parts[0]):  # most answers
        return {"role": "assistant", "content": _content(parts)}
    calls = [part for part in parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    content = _content([part for part in parts if _is_content(part)])
    said: dict[str, Any] = {"role": "assistant", "content": content or (None if calls or refusal else content)}
    if refusal:
        said["refusal"] = refusal
    said |= write_reasoning([part for part in parts if isinstance(part, Reasoning)])
    signatures = [part.signature for part in parts if isinstance(part, Text) and part.signature is not None]
    said |= signed(signatures[-1] if signatures else None)
    said |= phased(next((part.phase for part in reversed(parts) if isinstance(part, Text) and part.phase), None))
    said |= write_annotations([cited for part in parts if isinstance(part, Text) for cited in part.citations])
    named = [write_call(call) for call in calls if call.id]
    if named:
        said["tool_calls"] = named
    for call in calls:
        if not call.id:
            said["function_call"] = {"name": call.name, "arguments": call.arguments}
    return said


def is_bare(part: Part) -> bool:
    """A text with nothing beside it."""
    return isinstance(part, Text) and part.signature is None and part.phase is None and not part.citations


def _is_content(part: Part) -> bool:
    """A text may be nothing but its signature or its citations."""
    if isinstance(part, Text):
        return bool(part.text) or (part.signature is None and not part.citations)
    return not isinstance(part, (Reasoning, ToolCall, Refusal, ToolResult))


def signed(signature: str | None) -> dict[str, Any]:
    """Where Google's OpenAI layer keeps a signature: https://ai.google.dev/gemini-api/docs/thought-signatures"""
    return {} if signature is None else {"extra_content": {"google": {"thought_signature": signature}}}


def phased(phase: str | None) -> dict[str, Any]:
    """The word of Responses for a text, under the same name; a message of chat has one text, so the last one's."""
    return {} if phase is None else {"phase": phase}


def write_reasoning(blocks: Sequence[Reasoning]) -> dict[str, Any]:
    """The `reasoning` list, and its text once more as the string that many clients read."""
    if not blocks:
        return {}
    text = "".join(block.text for block in blocks)
    said: dict[str, Any] = {"reasoning": [reasoning_item(block) for block in blocks]}
    return said | ({"reasoning_content": text} if text else {})


def reasoning_item(block: Reasoning) -> dict[str, Any]:
    if block.redacted is not None:
        return {"id": block.signature, "redacted": block.redacted}
    return {"id": block.signature, "content": block.text}


def write_call(call: ToolCall) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    said |= signed(call.signature)
    if call.cache_control is not None:
        said["cache_control"] = call.cache_control
    return said


def _content(parts: Sequence[Part]) -> Any:
    """One plain text is a string, anything else a list; nothing is ""."""
    match list(parts):
        case []:
            return ""
        case [Text(text=text, cache_control=None)]:
            return text
        case several:
            return [_part(part) for part in several]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            said: dict[str, Any] = {"type": "text", "text": part.text}
        case Image():
            said = {"type": "image_url", "image_url": _image(part)} | signed(part.signature)
        case File():
            said = {"type": "file", "file": _file(part)}
        case Audio():
            said = {"type": "input_audio", "input_audio": {"format": part.format, "data": part.data}}
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Opaque():
            return dict(part.data)
        case Reasoning() | ToolCall() | ToolResult():
            raise AssertionError(f"{type(part).__name__} is no content part")  # sorted out by the callers above
        case _:
            assert_never(part)
    return said | ({"cache_control": part.cache_control} if part.cache_control is not None else {})


def _image(image: Image) -> dict[str, Any]:
    url = image.url if image.data is None else f"data:{image.media_type or ''};base64,{image.data}"
    return {"url": url} | ({"detail": image.detail} if image.detail is not None else {})


def _file(file: File) -> dict[str, Any]:
    data = file.url if file.data is None else file.data
    if file.data is not None and file.media_type is not None:
        data = f"data:{file.media_type};base64,{file.data}"
    fields = {"file_data": data, "file_id": file.file_id, "filename": file.filename}
    return {name: value for name, value in fields.items() if value is not None}
