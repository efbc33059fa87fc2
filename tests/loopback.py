"""A provider on 127.0.0.1 that does what a test tells it to: answers, streams, drips, hangs, cuts, lies.

    with Upstream() as upstream:
        upstream.script(stream(openai_stream("Hello")), path="/v1/chat/completions")
        ...
        assert upstream.count == 1 and upstream.calls[0].json()["model"] == "gpt-4o-mini"

A behaviour is a function of the `Call`; those below cover the faults that providers have. It runs on threads of the
test process and is reached over a real socket, from another process too. Real-looking bodies are in tests/bodies.py.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from types import TracebackType
from typing import Any

from tests.bodies import anthropic_answer, anthropic_stream, openai_answer, openai_stream

__all__ = ("Behaviour", "Upstream", "anthropic_answer", "anthropic_stream", "openai_answer", "openai_stream")

PHRASES = {int(status): status.phrase for status in HTTPStatus}
JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"


class HungUpError(Exception):
    """The caller hung up."""


@dataclass(frozen=True)
class Received:
    """One request as it came. `connection`: the number of the connection that carried it, from 0."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


class Call:
    """One request and the connection to answer on."""

    def __init__(self, sock: socket.socket, received: Received, stopping: threading.Event) -> None:
        self.received = received
        self.keep = True  # the connection may carry another request
        self._sock = sock
        self._stopping = stopping

    def write(self, data: bytes) -> None:
        self._sock.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, but notice that the caller hung up."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            if select.select([self._sock], [], [], min(left, 0.05))[0]:
                self._look()
                time.sleep(min(left, 0.02))

    def hang(self) -> None:
        while not self._stopping.is_set():
            self.pause(0.5)
        self.keep = False

    def close(self) -> None:
        self.keep = False

    def reset(self) -> None:
        """RST instead of FIN: closing with SO_LINGER 0."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = False

    def _look(self) -> None:
        if isinstance(self._sock, ssl.SSLSocket):
            return
        if not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            raise HungUpError


Behaviour = Callable[[Call], None]
Headers = Iterable[tuple[str, str]]


class Upstream:
    """The server. calls: the requests in order; count; aborted: those whose caller hung up before the answer's end;
    connections: how many were accepted. script() sets what is done by default or on one path, then() what is done
    once, in turn, before that."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.calls: list[Received] = []
        self.aborted: list[Received] = []
        self.connections = 0
        self._default: Behaviour = answer(openai_answer())
        self._paths: dict[str, Behaviour] = {}
        self._next: deque[Behaviour] = deque()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def count(self) -> int:
        return len(self.calls)

    def script(self, behaviour: Behaviour, path: str | None = None) -> None:
        if path is None:
            self._default = behaviour
        else:
            self._paths[path] = behaviour

    def then(self, *behaviours: Behaviour) -> None:
        self._next.extend(behaviours)

    def forget(self) -> None:
        """Empty calls and aborted; scripts stay."""
        self.calls.clear()
        self.aborted.clear()

    def hang_up(self) -> None:
        """Close every connection that is open, idle ones too."""
        for sock in tuple(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            time.sleep(0.005)
        return condition()

    def close(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def __enter__(self) -> Upstream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._stopping.is_set():
                sock, _ = self._listener.accept()
                self._open.add(sock)
                number, self.connections = self.connections, self.connections + 1
                threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self._open.discard(sock)
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            while self._one(sock, number):
                pass
        except OSError:
            pass  # the caller's connection broke: nothing left to answer
        finally:
            self._open.discard(sock)
            sock.close()

    def _one(self, sock: socket.socket, number: int) -> bool:
        received = _read_request(sock, number)
        if received is None:
            return False
        self.calls.append(received)
        call = Call(sock, received, self._stopping)
        try:
            self._behaviour(received.path)(call)
        except (HungUpError, OSError):
            self.aborted.append(received)
            return False
        return call.keep

    def _behaviour(self, path: str) -> Behaviour:
        if self._next:
            return self._next.popleft()
        return self._paths.get(path.partition("?")[0], self._default)


def _read_request(sock: socket.socket, number: int) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = [body]
    if headers.get("transfer-encoding") == "chunked":
        parts = _unchunked(sock, body)
    left = int(headers.get("content-length", "0")) - len(b"".join(parts))
    while left > 0 and (piece := sock.recv(65536)):
        parts.append(piece)
        left -= len(piece)
    method, path, _ = first.split(" ")
    return Received(method, path, headers, b"".join(parts), number, time.monotonic())


def _unchunked(sock: socket.socket, data: bytes) -> list[bytes]:
    while not data.endswith(b"0\r\n\r\n"):
        if not (piece := sock.recv(65536)):
            raise ConnectionAbortedError("the caller left before the end of its body")
        data += piece
    parts = []
    while (size := int(data[: data.index(b"\r\n")], 16)) > 0:
        start = data.index(b"\r\n") + 2
        parts.append(data[start : start + size])
        data = data[start + size + 2 :]
    return parts


_bound: list[socket.socket] = []


def closed_port() -> int:
    """A port of 127.0.0.1 that refuses connections: bound for as long as the process lives, so that nobody else comes
    to listen there, and never listened on."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    _bound.append(holder)
    port: int = holder.getsockname()[1]
    return port


# -- what can be answered ---------------------------------------------------------------------------------------------
def head_of(status: int, headers: Headers) -> bytes:
    phrase = PHRASES.get(status, "Odd")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")


def wire_of(body: bytes, status: int = 200, headers: Headers = (), content_type: str = JSON) -> bytes:
    """A whole answer with its Content-Length."""
    return head_of(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]) + body


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def chunked_head(status: int = 200, headers: Headers = (), content_type: str = SSE) -> bytes:
    return head_of(status, [("Content-Type", content_type), ("Transfer-Encoding", "chunked"), *headers])


def answer(
    body: bytes | str | dict[str, Any] = b"", status: int = 200, headers: Headers = (), content_type: str = JSON
) -> Behaviour:
    """A whole answer: JSON by default, any status, any headers (retry-after, set-cookie, location, ...)."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    return raw(wire_of(data, status, tuple(headers), content_type))


def stream(
    frames: Sequence[bytes], gap: float = 0.0, headers: Headers = (), end: Behaviour | None = None, lead: float = 0.0
) -> Behaviour:
    """Frames in chunks, `gap` seconds between them, `lead` before the first; `end` instead of the terminal chunk."""
    head = chunked_head(headers=tuple(headers))

    def behave(call: Call) -> None:
        call.write(head)
        for at, frame in enumerate(frames):
            call.pause(gap if at else lead)
            call.write(chunk(frame))
        (end or finished)(call)

    return behave


def finished(call: Call) -> None:
    """The terminal chunk, as a stream should end."""
    call.write(b"0\r\n\r\n")


def raw(*pieces: bytes, gap: float = 0.0, end: Behaviour | None = None) -> Behaviour:
    """These bytes as they are, `gap` seconds between the pieces."""

    def behave(call: Call) -> None:
        for at, piece in enumerate(pieces):
            if at:
                call.pause(gap)
            call.write(piece)
        if end is not None:
            end(call)

    return behave


def split(wire: bytes, cuts: Iterable[int], gap: float = 0.002) -> Behaviour:
    """The bytes of an answer, written in pieces that are cut at these offsets."""
    return raw(*(wire[start:end] for start, end in pairwise([0, *cuts, len(wire)])), gap=gap)


def drip(wire: bytes, gap: float = 0.05) -> Behaviour:
    """One byte at a time."""
    return split(wire, range(1, len(wire)), gap)


def hang(call: Call) -> None:
    call.hang()


def reset(call: Call) -> None:
    """A TCP reset, before or after whatever was written."""
    call.reset()


def close(call: Call) -> None:
    """A clean end of the connection (FIN)."""
    call.close()


def short_length(body: bytes, missing: int = 10) -> Behaviour:
    """A Content-Length that promises more than comes."""
    head = head_of(200, [("Content-Type", JSON), ("Content-Length", str(len(body) + missing))])
    return raw(head + body, end=close)


def until_close(body: bytes, content_type: str = SSE, end: Behaviour = close) -> Behaviour:
    """An answer without length or chunks, which the end of the connection ends."""
    return raw(head_of(200, [("Content-Type", content_type), ("Connection", "close")]) + body, end=end)
