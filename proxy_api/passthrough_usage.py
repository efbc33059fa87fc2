"""What a relayed answer used, as told by the bytes that pass: JSON, or the events of a stream. Pure.

Chat, Responses, images and transcriptions each have a `usage`; the events of Responses have it in their `response`:
https://developers.openai.com/api/reference/resources/responses/streaming-events
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy_api.chat import Usage
from proxy_api.errors import UpstreamError
from proxy_api.framing import SseReader
from proxy_api.relay import Facts

JUDGED = 1 << 20  # bytes of JSON that are looked through
EVENTS, JSON = "text/event-stream", "application/json"
_TOLD = re.compile(rb'"usage"\s*:\s*\{')  # an event that is no end has null there
_SAID = re.compile(rb'"(?:delta|content)"\s*:\s*"((?:[^"\\]++|\\.)*+)')  # Responses, transcriptions; chats


class Meter:
    """Reads along. media: the answer's media type; told: the JSON that may tell the usage, of events the last one;
    written: bytes of text in the events, about what it has of characters."""

    __slots__ = ("_reader", "media", "told", "written")

    def __init__(self, content_type: str) -> None:
        self.media = content_type.partition(";")[0].strip().lower()
        self.told = b""
        self.written = 0
        self._reader = SseReader(JUDGED) if self.media == EVENTS else None

    def note(self, piece: bytes) -> None:
        if self._reader is not None:
            self._note_events(self._reader, piece)
        elif self.media == JSON and len(self.told) <= JUDGED:
            self.told += piece

    def _note_events(self, reader: SseReader, piece: bytes) -> None:
        try:
            for frame in reader.feed(piece):
                if frame.data is not None:
                    self._note_event(frame.data)
        except UpstreamError:  # an event too large to be looked through travels on all the same
            self._reader = None

    def _note_event(self, data: bytes) -> None:
        if _TOLD.search(data):
            self.told = data
        at = data.find(b'"content"')  # within its "delta"
        if at < 0:
            at = data.find(b'"delta"')
        if at >= 0 and (said := _SAID.match(data, at)):
            self.written += said.end() - said.start(1)

    def facts(self) -> Facts:
        """Of the answer, or of what came of it: where it tells its usage, that is its end."""
        usage, model = usage_in(self.told)
        return Facts(usage, model=model, complete=True, written=self.written)


def usage_in(answer: bytes) -> tuple[Usage | None, str | None]:
    """The tokens that an answer or an event tells, under any of the names that they have, and the model."""
    try:
        value = orjson.loads(answer)
        value = value.get("response") or value
        said = value.get("usage")
        return (_usage(said), value.get("model")) if "total_tokens" in said else (None, None)
    except (ValueError, TypeError, AttributeError):
        return None, None


def _usage(said: dict[str, Any]) -> Usage:
    read = said.get("input_tokens_details") or said.get("prompt_tokens_details") or {}
    written = said.get("output_tokens_details") or said.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=int(said.get("input_tokens") or said.get("prompt_tokens") or 0),
        output_tokens=int(said.get("output_tokens") or said.get("completion_tokens") or 0),
        cached_tokens=int(read.get("cached_tokens") or 0),
        cache_write_tokens=int(read.get("cache_write_tokens") or 0),
        reasoning_tokens=int(written.get("reasoning_tokens") or 0),
    )
