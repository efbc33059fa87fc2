"""Bytes to lines of JSON (https://github.com/ndjson/ndjson-spec) and back. Pure: no I/O, no clock.

A line ends with LF (a CR before it is white space to JSON), wherever the pieces are cut; blank lines mean nothing. The
limits are those of server-sent events (framing.py), and so is the cost: linear in the length of a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy_api.errors import UpstreamError
from proxy_api.framing import LIMIT, MAX_BARREN, MAX_FRAMES, Frame


class LineReader:
    """Cuts a stream into lines: feed() it the pieces, then finish(). One reader per stream.

    `limit`: the bytes that one line may have. More raises UpstreamError, and so do more than MAX_FRAMES lines, or
    MAX_BARREN blank ones.
    """

    __slots__ = ("_barren_left", "_buffer", "_left", "_limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._left, self._barren_left = MAX_FRAMES, MAX_BARREN

    def feed(self, piece: bytes) -> list[Frame]:
        """The lines that `piece` completes. Raises UpstreamError for a line over the limit."""
        *whole, rest = piece.split(b"\n")
        found = []
        for part in whole:
            self._grow(part)
            found.append(bytes(self._buffer) + b"\n")
            self._buffer.clear()
        self._grow(rest)
        return [frame for raw in found if (frame := self._frame(raw))]

    def finish(self) -> Frame | None:
        """What was left without its line end, as a frame."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._frame(rest + b"\n") if rest else None

    def _grow(self, part: bytes) -> None:
        self._buffer += part
        if len(self._buffer) > self._limit:
            raise UpstreamError("The provider sent a line larger than the limit.")

    def _frame(self, raw: bytes) -> Frame | None:
        data = raw.strip()
        if data:
            self._left -= 1
        else:
            self._barren_left -= 1
        if self._left < 0 or self._barren_left < 0:
            raise UpstreamError("The provider sent more lines than the limit.")
        return Frame(raw, None, data) if data else None


def lines(pieces: Iterator[bytes | None]) -> Iterator[Frame | None]:
    """The stream's lines, a tail without line end included; None (silence) is passed on where it came."""
    reader = LineReader()
    for piece in pieces:
        if piece is None:
            yield None
        else:
            yield from reader.feed(piece)
    tail = reader.finish()
    if tail is not None:
        yield tail
