"""Bytes to server-sent events and back. Pure: no I/O, no clock.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream . Lines end with LF, CRLF
or CR; a blank line ends an event; pieces may be cut anywhere, inside a CRLF or a character too. An event's size is
bounded, its cost is linear in its length however it is cut (`requests`' iter_lines is quadratic).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from proxy_api.errors import UpstreamError

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"
LIMIT = 1 << 20
MAX_FRAMES = 400_000  # more than 32 MiB of real chunks hold; a flood of empty ones would cost seconds
MAX_BARREN = 10_000  # of them without data: keep-alives come by the second, and each one costs a write to the client
_BOM = b"\xef\xbb\xbf"
# CRLF CRLF ends with the second form. A CR after LF waits for its next byte, so that a CRLF is never cut in two.
_BLANK_LINE = re.compile(rb"\n\r?\n|\r\r\n?|\n\r(?=[^\n])")
_LONGEST_BLANK = 3
_LINE_ENDS_OF_SOME = re.compile(rb"\xe2\x80[\xa8\xa9]|\xc2\x85")


class Frame(NamedTuple):
    """One SSE message.

    raw: the bytes as they came, blank line included; event: the `event` field; data: the `data` lines joined by LF,
    None for a frame without any (comments, a lone `retry`) and for empty data, which the standard does not dispatch.
    """

    raw: bytes
    event: bytes | None
    data: bytes | None


class SseReader:
    """Cuts a stream into frames: feed() it the pieces, then finish(). One reader per stream.

    `limit`: the bytes that one event may have. More raises UpstreamError, and so do more than MAX_FRAMES events, or
    MAX_BARREN of them without data.
    """

    __slots__ = ("_barren_left", "_begun", "_buffer", "_left", "_limit", "_scanned")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # no blank line begins before this offset
        self._begun = False
        self._limit = limit
        self._left, self._barren_left = MAX_FRAMES, MAX_BARREN

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that `piece` completes. Raises UpstreamError for an event over the limit."""
        if not self._buffer and self._begun and _is_one_frame(piece) and len(piece) <= self._limit:
            self._count(1, 0)
            return [Frame(piece, None, piece[6:-2] or None)]
        self._buffer += piece
        if not self._begun and not self._past_bom():
            return []
        return self._complete()

    def finish(self) -> Frame | None:
        """What was left without its blank line, as a frame; its raw is given one, so that it can be relayed whole."""
        rest = bytes(self._buffer).strip(b"\r\n")
        self._buffer.clear()
        self._scanned = 0
        return read_frame(rest + b"\n\n") if rest else None

    def _past_bom(self) -> bool:
        """Drops the byte order mark that may stand at the very start; False while it is not told apart yet."""
        start = bytes(self._buffer[:3])
        if len(start) < 3 and _BOM.startswith(start):
            return False
        if start == _BOM:
            del self._buffer[:3]
        self._begun = True
        return True

    def _complete(self) -> list[Frame]:
        buffer, found, start, scan = self._buffer, [], 0, self._scanned
        while True:
            if scan == start:
                start = scan = _past_line_ends(buffer, start)
            end = _BLANK_LINE.search(buffer, scan)
            if end is None:
                break
            self._check_size(end.end() - start)
            found.append(read_frame(bytes(buffer[start : end.end()])))
            start = scan = end.end()
        del buffer[:start]
        self._scanned = max(len(buffer) - _LONGEST_BLANK, 0)
        self._check_size(len(buffer))
        self._count(len(found), sum(frame.data is None for frame in found))
        return found

    def _count(self, found: int, barren: int) -> None:
        self._left -= found
        self._barren_left -= barren
        if self._left < 0 or self._barren_left < 0:
            raise UpstreamError("The provider sent more events than the limit.")

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise UpstreamError("The provider sent an event larger than the limit.")


def _is_one_frame(piece: bytes) -> bool:
    """The common case: one piece is one `data: ...` line and its blank line."""
    return (
        piece.startswith(b"data: ") and piece.find(b"\n") == len(piece) - 2 and piece[-1] == 10 and b"\r" not in piece
    )


def _past_line_ends(buffer: bytearray, start: int) -> int:
    """Blank lines between events mean nothing, and an LF may be the rest of a CRLF whose CR ended the last event."""
    size = len(buffer)
    while start < size and buffer[start] in b"\r\n":
        start += 1
    return start


def read_frame(raw: bytes) -> Frame:
    """One whole event with its fields. `id`, `retry` and unknown fields mean nothing here; `:` begins a comment."""
    event: bytes | None = None
    data: bytes | None = None
    for line in raw.splitlines():
        name, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if name == b"data":
            data = value if data is None else data + b"\n" + value
        elif name == b"event":
            event = value
    return Frame(raw, event, data or None)


def frames(pieces: Iterator[bytes | None], limit: int = LIMIT) -> Iterator[Frame | None]:
    """The stream's frames, a tail without blank line included; None (silence) is passed on where it came. limit: as
    SseReader's."""
    reader = SseReader(limit)
    for piece in pieces:
        if piece is None:
            yield None
        else:
            yield from reader.feed(piece)
    tail = reader.finish()
    if tail is not None:
        yield tail


def accept(stream: bool) -> str:
    """The Accept header for an answer in JSON or as server-sent events."""
    return "text/event-stream" if stream else "application/json"


def unbroken(text: bytes) -> bytes:
    """JSON text that every client's reader takes for one line: U+2028, U+2029 and U+0085 stand escaped in it.

    To the standard they are no line ends, but they are to Python's str.splitlines, and so to httpx' and requests'
    iter_lines of text: https://docs.python.org/3/library/stdtypes.html#str.splitlines
    """
    return text if text.isascii() else _LINE_ENDS_OF_SOME.sub(_escaped, text)


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


def sse(data: bytes, event: bytes | None = None) -> bytes:
    """One frame on the wire. `data` may hold line breaks: each line gets its own field."""
    lines = b"data: " + b"\ndata: ".join(data.splitlines() or [b""])
    return lines + b"\n\n" if event is None else b"event: " + event + b"\n" + lines + b"\n\n"
