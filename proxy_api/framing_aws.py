"""AWS event stream messages to frames and back. Pure: no I/O, no clock.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (the wire format, what its header names mean) and
https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html . A message is its length and its headers' length
(4 bytes each, big-endian), the CRC-32 of those 8 bytes, the headers, the payload, and the CRC-32 of all before it.
Pieces may be cut anywhere; a message's size is bounded, its cost is linear in its length however it is cut.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

from orjson import dumps

from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import LIMIT, MAX_FRAMES, Frame

MEDIA_TYPE = "application/vnd.amazon.eventstream"
ERROR = b"error"  # the event of a message that says `:error-code` instead of an event's or an exception's name
_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_LEAST = _PRELUDE.size + _CHECKSUM.size
_STRING = 7
# Header types with a value of fixed size: true, false, byte, short, integer, long, timestamp, uuid. 6 is bytes.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_SIZED = (6, _STRING)
_REMEMBERED = 256  # bytes; a stream repeats a handful of short header blocks


class EventReader:
    """Cuts a stream into frames: feed() it the pieces, then finish(). One reader per stream.

    A frame's event is the message's `:event-type` or `:exception-type`, its data the payload. A message of the type
    `error` has the event `error` and {"code", "message"} as its data. `limit`: the bytes that one message may have.
    Raises UpstreamError for a message over it, for a checksum that does not match and for more than MAX_FRAMES.
    """

    __slots__ = ("_buffer", "_left", "_limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._left = MAX_FRAMES

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that `piece` completes."""
        self._buffer += piece
        found, start = [], 0
        while (size := self._size(start)) is not None and len(self._buffer) - start >= size:
            found.append(read_message(bytes(self._buffer[start : start + size])))
            start += size
        del self._buffer[:start]
        self._left -= len(found)
        if self._left < 0:
            raise UpstreamError("The provider sent more events than the limit.")
        return found

    def finish(self) -> None:
        """Raises UpstreamIncomplete for the beginning of a message that never ended."""
        if self._buffer:
            raise UpstreamIncomplete("The provider's stream stopped within an event")

    def _size(self, start: int) -> int | None:
        """The length of the message at `start`, once its prelude is there and right."""
        if len(self._buffer) - start < _PRELUDE.size:
            return None
        size, headers, checksum = _PRELUDE.unpack_from(self._buffer, start)
        if crc32(self._buffer[start : start + 8]) != checksum:
            raise UpstreamError("The provider sent an event whose checksum does not match.")
        if size > self._limit:
            raise UpstreamError("The provider sent an event larger than the limit.")
        if headers > size - _LEAST:
            raise UpstreamError("The provider sent an event that is no event stream message.")
        return int(size)


def read_message(raw: bytes) -> Frame:
    """One whole message. Raises UpstreamError where its checksum does not match."""
    end = len(raw) - _CHECKSUM.size
    if crc32(raw[:end]) != _CHECKSUM.unpack_from(raw, end)[0]:
        raise UpstreamError("The provider sent an event whose checksum does not match.")
    first = _PRELUDE.size + _PRELUDE.unpack_from(raw)[1]
    block = raw[_PRELUDE.size : first]
    event, data = (_known_event if len(block) <= _REMEMBERED else _event)(block)
    return Frame(raw, event, data or raw[first:end] or None)


def _event(block: bytes) -> tuple[bytes | None, bytes | None]:
    """What a header block says the message is, and its data where that stands in the headers too."""
    headers = _headers(block)
    if headers.get(b":message-type") == b"error":
        said = {name: headers.get(b":error-" + name.encode(), b"").decode(errors="replace") for name in _SAID}
        return ERROR, dumps(said)
    return headers.get(b":exception-type") or headers.get(b":event-type"), None


_SAID = ("code", "message")
_known_event = lru_cache(maxsize=256)(_event)


def _headers(block: bytes) -> dict[bytes, bytes]:
    """The string headers by name; values of other types mean nothing here."""
    found: dict[bytes, bytes] = {}
    at = 0
    try:
        while at < len(block):
            name, kind, at = block[at + 1 : at + 1 + block[at]], block[at + 1 + block[at]], at + 2 + block[at]
            size = _FIXED[kind] if kind not in _SIZED else _LENGTH.unpack_from(block, at)[0]
            at += 0 if kind in _FIXED else _LENGTH.size
            if kind == _STRING:
                found[name] = block[at : at + size]
            at += size
    except (IndexError, KeyError, struct.error):
        at = -1
    if at != len(block):
        raise UpstreamError("The provider sent an event with headers that are none.")
    return found


def frames(pieces: Iterator[bytes | None]) -> Iterator[Frame | None]:
    """The stream's frames; None (silence) is passed on. Raises UpstreamIncomplete where it stops within a message."""
    reader = EventReader()
    for piece in pieces:
        if piece is None:
            yield None
        else:
            yield from reader.feed(piece)
    reader.finish()


def accept(stream: bool) -> str:
    """The Accept header for an answer in JSON or as an event stream."""
    return MEDIA_TYPE if stream else "application/json"


def message(data: bytes, headers: dict[str, str]) -> bytes:
    """One message on the wire, all of its headers strings."""
    block = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack(">II", _LEAST + len(block) + len(data), len(block))
    told = prelude + _CHECKSUM.pack(crc32(prelude)) + block + data
    return told + _CHECKSUM.pack(crc32(told))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + _LENGTH.pack(len(value)) + value


def event(kind: str, data: bytes) -> bytes:
    """One event with a JSON payload, as Bedrock sends it."""
    return message(data, {":event-type": kind, ":content-type": "application/json", ":message-type": "event"})
