"""The request's body, read under one deadline: a body that drips is given up, however many reads it takes.

gunicorn itself waits for a body without limit: 64 slow clients held 64 sockets for as long as they liked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData, ParseException


class TimedInput:
    """A PEP 3333 input stream. Every read raises TimeoutError once `seconds` have passed since the first one,
    ConnectionError where a chunked body is cut and OSError where it is malformed (gunicorn's own exceptions stay here).
    A body that has a length and is cut just ends.
    """

    __slots__ = ("deadline", "seconds", "source")

    def __init__(self, source: Any, seconds: float) -> None:
        self.source, self.seconds, self.deadline = source, seconds, 0.0

    def renew(self) -> None:
        """The next read begins a deadline of its own: for a body that is read in pieces and passed on."""
        self.deadline = 0.0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.source.read(size) if in_hand(self.source, size) else self._in_time(self.source.read, size)
        return data

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._in_time(self.source.readline, size)
        return line

    def readlines(self, hint: int = -1) -> list[bytes]:
        lines: list[bytes] = self._in_time(self.source.readlines, hint)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _in_time(self, read: Any, size: int) -> Any:
        now = time.monotonic()
        self.deadline = self.deadline or now + self.seconds
        try:
            with gevent.Timeout(max(self.deadline - now, 0.001), TimeoutError("the body came too slowly")):
                return read(size)
        except NoMoreData as error:
            raise ConnectionAbortedError("the body is cut") from error
        except ParseException as error:
            raise OSError("the body is malformed") from error


def in_hand(body: Any, size: int) -> bool:
    """gunicorn has read the whole body along with the head, as of small ones: nothing to wait for, no timer."""
    reader = getattr(body, "reader", None)
    if not isinstance(reader, LengthReader) or not 0 < size <= reader.length:
        return False
    held: int = reader.unreader.buf.getbuffer().nbytes
    return held >= int(reader.length)


def limit_chunks(body: Any, limit: int) -> None:
    """Refuse a chunk larger than `limit` bytes when it is announced (OSError at the next read), not when it has come.

    gunicorn 27.0.1 takes any size: `FFFFFFFFFFFFFFFFF` would be waited for until the deadline.
    """
    reader = getattr(body, "reader", None)
    parse = getattr(reader, "parse_chunk_size", None)
    if reader is None or parse is None:
        return

    def parse_bounded(*args: Any, **kwargs: Any) -> Any:
        size, rest = parse(*args, **kwargs)
        if size > limit:
            raise InvalidChunkSize(b"over the limit")
        return size, rest

    reader.parse_chunk_size = parse_bounded
