"""Neutral messages written as Mistral's.

https://docs.mistral.ai/api/endpoint/chat : content is a string or a list of chunks; an assistant's message that stands
last is a prefix and says so. Ids of tool calls have nine letters and digits, others are refused
(https://github.com/mistralai/mistral-common, its validator): any other is mapped, the same in the call and its result.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterable, Iterator
from typing import Any

from proxy_api.chat import (
    Audio,
    ChatRequest,
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

Chunk = dict[str, Any]
_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ALPHABET = string.digits + string.ascii_letters
# Chunks of Mistral's own that a client of OpenAI's form may say: they go as they came.
_OWN = frozenset({"document_url", "reference", "thinking"})


def write_messages(request: ChatRequest, losses: list[Loss]) -> list[Chunk]:
    """Raises BadRequest naming the client's own message and part where content cannot be said."""
    ids = CallIds()
    said = [
        written
        for where, message in placed(request.messages)
        for written in _written(message, list(parts_of(message, where)), ids, losses)
    ]
    if not said:
        raise BadRequest("At least one message must have content", param="messages")
    if said[-1]["role"] == "assistant" and "tool_calls" not in said[-1]:
        said[-1]["prefix"] = True
    return said


def nine(given_id: str) -> str:
    """A stable id of nine letters and digits; one that is such already stays."""
    if _ID.fullmatch(given_id):
        return given_id
    number = int.from_bytes(hashlib.blake2b(given_id.encode(), digest_size=8).digest())
    digits = []
    for _ in range(9):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _written(
    message: Message, parts: list[tuple[str, Part]], ids: CallIds, losses: list[Loss]
) -> Iterator[dict[str, Any]]:
    match message.role:
        case "system" | "developer":
            if texts := only_text(parts):
                yield {"role": "system", "content": _content([{"type": "text", "text": text} for text in texts])}
        case "tool":
            for where, part in parts:
                if not isinstance(part, ToolResult):
                    raise unsayable(part, where)
                yield _result(part, where, ids, losses)
        case "assistant":
            yield from _assistant(parts, ids, losses)
        case "user":
            yield {"role": "user", "content": _content(_chunks(parts, losses))}


def _result(result: ToolResult, where: str, ids: CallIds, losses: list[Loss]) -> dict[str, Any]:
    said = {"role": "tool", "content": _content(_chunks(result_parts(result, where), losses))}
    return said | given({"tool_call_id": nine(ids.of_result(result, where)), "name": result.name})


def _assistant(parts: list[tuple[str, Part]], ids: CallIds, losses: list[Loss]) -> Iterator[dict[str, Any]]:
    """Nothing where nothing is said."""
    calls = [write_call(part, nine(ids.of_call(part)), where) for where, part in parts if isinstance(part, ToolCall)]
    chunks = _chunks(((where, part) for where, part in parts if not isinstance(part, ToolCall)), losses)
    if calls or chunks:
        yield {"role": "assistant", "content": _content(chunks)} | ({"tool_calls": calls} if calls else {})


def _content(chunks: list[Chunk]) -> Any:
    """One text is a string, nothing is ""."""
    match chunks:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return chunks


def _chunks(parts: Iterable[tuple[str, Part]], losses: list[Loss]) -> list[Chunk]:
    return [chunk for where, part in parts if (chunk := _chunk(part, where, losses))]


def _chunk(part: Part, where: str, losses: list[Loss]) -> Chunk | None:
    """None for an empty text, and for sealed reasoning, which only its own maker can read."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case Reasoning():
            return _thinking(part, where, losses)
        case Audio():
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case Image() | File():
            return _media(part, where, losses)
        case Opaque(data={"type": str(kind)}) if part.dialect == "mistral" or kind in _OWN:
            return dict(part.data)
        case Opaque() | ToolCall() | ToolResult():
            raise unsayable(part, where)


def _thinking(part: Reasoning, where: str, losses: list[Loss]) -> Chunk | None:
    if part.redacted is not None:
        losses.append(Loss(where, "sealed by another provider"))
        return None
    said: Chunk = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}], "closed": True}
    return said | given({"signature": part.signature})


def _media(part: Image | File, where: str, losses: list[Loss]) -> Chunk:
    """https://docs.mistral.ai/capabilities/vision and https://docs.mistral.ai/capabilities/document_ai/document_qna"""
    if isinstance(part, Image) and part.media_type != "application/pdf":
        return {"type": "image_url", "image_url": given({"url": _address(part, where), "detail": part.detail})}
    if isinstance(part, Image) or (part.media_type or "").startswith("image/"):
        kind = "document_url" if isinstance(part, Image) else "image_url"
        return {"type": kind, kind: _address(part, where)}
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    if (text := text_of(part, where)) is not None:
        losses.append(Loss(where, "sent as text"))
        return {"type": "text", "text": text}
    return {"type": "document_url", "document_url": _address(part, where)} | given({"document_name": part.filename})


def _address(part: Image | File, where: str) -> str:
    if part.data is not None:
        standard = "image/png" if isinstance(part, Image) else "application/pdf"
        return f"data:{part.media_type or standard};base64,{part.data}"
    if part.url is None or not part.url.lower().startswith(("https://", "http://")):
        raise BadRequest("The address must be an http(s) URL or a base64 data URL", param=where)
    return part.url
