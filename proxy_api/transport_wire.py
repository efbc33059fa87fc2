"""HTTP/1.1 as bytes: the request's head out, the answer in through llhttp (httptools), its coding undone. No I/O.

Sources: https://www.rfc-editor.org/rfc/rfc9112 (messages), https://www.rfc-editor.org/rfc/rfc9110 (their meaning).
llhttp runs without its leniencies: loose chunk framing, two lengths, a length beside a transfer coding are errors.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import httptools

from keys.outward.outbound import Url
from proxy_api.errors import UpstreamError, UpstreamIncomplete

MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 << 10
MAX_ANSWER_BYTES = 32 << 20
EMPTY = (204, 304)  # statuses of answers that never have a body: RFC 9110 section 6.4.1
_STEP = 64 << 10  # decoded bytes at a time, so that a bomb is noticed before it is unpacked

# What this module writes itself, and what must not be passed on: RFC 9110 section 7.6.1.
_OURS = frozenset(
    ("host", "content-length", "accept-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer")
) | {"transfer-encoding", "upgrade", "expect", "proxy-authorization"}
# RFC 9110 section 5.6.2 (tokens) and 5.5 (values), but ASCII only: `requests` would send NUL and raw latin-1.
_HEADER_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*\r\n)+")


class Head(NamedTuple):
    """The answer's status, and its headers under lower-cased names; repeated ones are joined by a comma."""

    status: int
    headers: dict[str, str]


def request_head(method: str, url: Url, headers: Iterable[tuple[str, str]], length: int | None) -> bytes:
    """Request line and headers, with `Accept-Encoding: identity` always. length: None for a body in chunks. Raises
    UpstreamError for a forbidden byte."""
    lines = [f"Host: {url.authority}\r\n", "Accept-Encoding: identity\r\n"]
    if length is None:
        lines.append("Transfer-Encoding: chunked\r\n")
    elif length or method != "GET":
        lines.append(f"Content-Length: {length}\r\n")
    lines += [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in _OURS]
    text = "".join(lines)
    # The count sees a value that holds a whole further header.
    if text.count("\n") != len(lines) or _HEADER_LINES.fullmatch(text) is None:
        raise UpstreamError("A header for the provider holds a forbidden character.", retryable=True)
    return f"{method} {url.target} HTTP/1.1\r\n{text}\r\n".encode("ascii")


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A body of unknown length as it is sent: RFC 9112 section 7.1."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


class Answer:
    """One answer while it arrives: feed() it what came, take() the body bytes.

    head: set once the headers are there; complete: the marked end was seen; delimited: the answer marks its end itself
    (a length or chunks), so that a closed connection is no end.
    """

    __slots__ = (
        "_barren",
        "_count",
        "_headers",
        "_persistent",
        "_pieces",
        "_size",
        "complete",
        "delimited",
        "head",
        "parser",
        "spoilt",
    )

    def __init__(self) -> None:
        # The parser refers to this object and this one to it: release() cuts the circle, so that no call is left to gc.
        self.parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self.head: Head | None = None
        self.complete = self._persistent = False
        self.delimited = True
        self.spoilt = False  # something followed the end: the connection must not be used again
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._count = self._size = self._barren = 0

    def feed(self, data: bytes) -> None:
        """Raises UpstreamError for anything that is no HTTP, or over a cap."""
        assert self.parser is not None
        self._barren += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.spoilt = True
            if not self.complete:
                raise UpstreamError("The provider's answer is no valid HTTP/1.1.") from None
        # Whatever arrives without yielding a head or a body (headers, chunk extensions, trailers) has one cap.
        if self._barren > MAX_HEAD_BYTES and not self.complete:
            raise UpstreamError("The provider sent more header bytes than the limit.")

    def take(self) -> bytes:
        """The body bytes that arrived since the last call."""
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces = []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def ends_here(self) -> bool:
        """The connection was closed: whether that is this answer's own way to end."""
        if self.head is not None and not self.delimited:
            self.complete = self.spoilt = True
        return self.complete

    def cut(self) -> UpstreamError:
        """The error for a connection that was lost before the end."""
        if self.head is None:
            return UpstreamError("The provider closed the connection without an answer.")
        return UpstreamIncomplete("The provider closed the connection before the end of its answer.")

    def reusable(self) -> bool:
        return self.complete and self._persistent and not self.spoilt

    def release(self) -> None:
        self.parser = None

    # -- what the parser calls; an exception in there stops it with HttpParserCallbackError ---------------------------
    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        self._size += len(name) + len(value)
        if self._count > MAX_HEADERS or self._size > MAX_HEAD_BYTES:
            raise ValueError("too many headers")
        if self.head is None:  # trailers may be dropped: RFC 9110 section 6.5.1
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        status, headers = self.parser.get_status_code(), self._headers
        if 100 <= status < 200 and status != 101:
            return  # an interim answer, the real one follows: RFC 9110 section 15.2
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise ValueError("an unknown transfer coding")
        self.delimited = coding is not None or "content-length" in headers or status in EMPTY
        self.head = Head(status, headers)
        self._barren = 0

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self._barren = 0

    def on_message_complete(self) -> None:
        if self.head is None:
            self._headers = {}
            return
        assert self.parser is not None
        self._persistent = self.parser.should_keep_alive()  # the parser forgets it with the message
        self.complete = True


def refuse_odd_answer(head: Head) -> None:
    """Raises UpstreamError for what no provider's API answers: an upgrade, a redirect, a foreign coding."""
    if head.status not in EMPTY and (head.status < 200 or 300 <= head.status < 400 or head.status == 205):
        # A redirect is never followed: the key would go to another host.
        raise UpstreamError(f"The provider answered with the unexpected status {head.status}.")
    if head.headers.get("content-encoding", "identity").lower() not in ("identity", "", *_CODINGS):
        raise UpstreamError("The provider's answer has an unknown content encoding.")


_CODINGS = ("gzip", "x-gzip", "deflate")
REDIRECTS = (301, 302, 303, 307, 308)  # RFC 9110 section 15.4: those that name another address for the same thing


def is_coded(head: Head) -> bool:
    return head.status not in EMPTY and head.headers.get("content-encoding", "").lower() in _CODINGS


def decoded(pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
    """gzip or deflate (zlib, or raw as some servers send it) undone in bounded steps; None is passed on.

    Raises UpstreamIncomplete for a cut one, UpstreamError for a broken one.
    """
    unpacker = None
    for piece in pieces:
        if piece is None:
            yield None
            continue
        unpacker = unpacker or zlib.decompressobj(_window_bits(piece))
        yield from _unpacked(unpacker, piece)
    if unpacker is None or not unpacker.eof:
        raise UpstreamIncomplete("The provider's compressed answer stops before its end.")


def _window_bits(first: bytes) -> int:
    """zlib tells gzip (RFC 1952) and zlib (RFC 1950) apart by itself; raw deflate has no header to see."""
    return 32 + zlib.MAX_WBITS if first[:1] == b"\x1f" or first[0] & 0x0F == 8 else -zlib.MAX_WBITS


def _unpacked(unpacker: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    try:
        while piece and not unpacker.eof:
            out = unpacker.decompress(piece, _STEP)
            piece = unpacker.unconsumed_tail
            if out:
                yield out
    except zlib.error:
        raise UpstreamError("The provider's compressed answer is broken.") from None
