"""A finished response as the stream that it may have been. https://developers.openai.com/api/reference/resources/responses/streaming-events

Each item is added without what its pieces bring, filled and done, and the last event is the response itself. Items of
other kinds than these, steps of built-in tools or kinds of tomorrow, have no pieces: they are added and done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orjson import dumps

from proxy_api.chat import JSON
from proxy_api.dialects.failures import understood
from proxy_api.framing import sse

Event = tuple[str, dict[str, Any]]  # its type after "response.", and its fields
_UNTOLD: dict[str, Any] = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "incomplete_details": None,
    "completed_at": None,
}
_UNSAID: dict[str, Any] = {"text": "", "annotations": [], "logprobs": []}
# What the pieces of an item bring, and how it looks before.
_EMPTY: dict[str, tuple[str, Any]] = {
    "message": ("content", []),
    "reasoning": ("summary", []),
    "function_call": ("arguments", ""),
    "custom_tool_call": ("input", ""),
    "image_generation_call": ("result", None),
}


@understood()
def unfold(body: dict[str, Any]) -> bytes:
    """All frames of the stream. body: as judge() lets it through; UpstreamError where its items are none."""
    frames = []
    for number, (name, fields) in enumerate(_events(body)):
        kind = f"response.{name}"
        frames.append(sse(dumps({"type": kind, "sequence_number": number, **fields}), kind.encode()))
    return b"".join(frames)


def _events(body: dict[str, Any]) -> Iterator[Event]:
    begun = {"response": body | {name: value for name, value in _UNTOLD.items() if name in body}}
    yield "created", begun
    yield "in_progress", begun
    for index, item in enumerate(body["output"]):
        yield from _item(index, item)
    yield body["status"], {"response": body}


def _item(index: int, item: dict[str, Any]) -> Iterator[Event]:
    name, nothing = _EMPTY.get(item.get("type", ""), ("", None))
    added = {**item, name: nothing} if name in item else item
    yield "output_item.added", {"output_index": index, "item": added | _in_progress(item)}
    for kind, fields in _pieces(item):
        yield kind, {"item_id": item.get("id") or "", "output_index": index, **fields}
    yield "output_item.done", {"output_index": index, "item": item}


def _in_progress(item: dict[str, Any]) -> dict[str, Any]:
    return {"status": "in_progress"} if "status" in item else {}


def _pieces(item: JSON) -> Iterator[Event]:
    match item:
        case {"type": "message", "content": list(parts)}:
            for index, part in enumerate(parts):
                yield from _part(index, part)
        case {"type": "reasoning"}:
            for index, part in enumerate(item.get("summary") or ()):
                yield from _summary(index, part)
            for index, part in enumerate(item.get("content") or ()):
                yield from _told("reasoning_text", part.get("text"), "text", content_index=index)
        case {"type": "function_call", "name": name, "arguments": said}:
            delta, (done, fields) = _told("function_call_arguments", said, "arguments")
            yield delta
            yield done, fields | {"name": name}
        case {"type": "custom_tool_call", "input": said}:
            yield from _told("custom_tool_call_input", said, "input")


def _part(index: int, part: dict[str, Any]) -> Iterator[Event]:
    match part:
        case {"type": "output_text", "text": text}:
            empty = {name: nothing for name, nothing in _UNSAID.items() if name in part}
            pieces = _text(index, text, part)
        case {"type": "refusal", "refusal": text}:
            empty, pieces = {"refusal": ""}, iter(_told("refusal", text, "refusal", content_index=index))
        case _:
            empty, pieces = {}, iter(())
    yield "content_part.added", {"content_index": index, "part": part | empty}
    yield from pieces
    yield "content_part.done", {"content_index": index, "part": part}


def _text(index: int, text: Any, part: dict[str, Any]) -> Iterator[Event]:
    """Its annotations come before it is done, as where it came in pieces."""
    delta, done = _told("output_text", text, "text", content_index=index, logprobs=part.get("logprobs") or [])
    yield delta
    for number, annotation in enumerate(part.get("annotations") or ()):
        said = {"content_index": index, "annotation_index": number, "annotation": annotation}
        yield "output_text.annotation.added", said
    yield done


def _summary(index: int, part: dict[str, Any]) -> Iterator[Event]:
    yield "reasoning_summary_part.added", {"summary_index": index, "part": part | {"text": ""}}
    yield from _told("reasoning_summary_text", part.get("text"), "text", summary_index=index)
    yield "reasoning_summary_part.done", {"summary_index": index, "part": part}


def _told(kind: str, said: Any, name: str, **fields: Any) -> tuple[Event, Event]:
    """One piece, and the end of it. name: of the field that has the finished text."""
    said = said or ""
    return (f"{kind}.delta", {**fields, "delta": said}), (f"{kind}.done", {**fields, name: said})
