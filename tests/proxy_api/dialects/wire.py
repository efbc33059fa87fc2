"""Bytes and frames for the tests of dialects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from proxy_api.framing import Frame, SseReader, sse


def frames(raw: bytes, step: int = 1) -> Iterator[Frame]:
    """The frames of a stream that arrives `step` bytes at a time."""
    reader = SseReader()
    for start in range(0, len(raw), step):
        yield from reader.feed(raw[start : start + step])
    tail = reader.finish()
    if tail is not None:
        yield tail


def payloads(raw: bytes) -> list[bytes]:
    return [frame.data for frame in frames(raw, 64) if frame.data is not None]


def chunks(raw: bytes) -> list[dict[str, Any]]:
    """The JSON payloads of an OpenAI stream, [DONE] left out."""
    return [orjson.loads(data) for data in payloads(raw) if data != b"[DONE]"]


def anthropic_stream(*events: dict[str, Any]) -> bytes:
    """Events as Anthropic frames them."""
    return b"".join(sse(orjson.dumps(event), event["type"].encode()) for event in events)


def openai_stream(*parts: dict[str, Any], done: bool = True) -> bytes:
    return b"".join(sse(orjson.dumps(part)) for part in parts) + (b"data: [DONE]\n\n" if done else b"")


def joined(pieces: Iterable[bytes | None]) -> bytes:
    return b"".join(piece for piece in pieces if piece is not None)
