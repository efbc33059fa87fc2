"""A look at what a socket has for us, without taking it and without waiting."""

from __future__ import annotations

import _socket
import socket

FLAGS = _socket.MSG_PEEK | _socket.MSG_DONTWAIT


def peek(sock: socket.socket) -> bytes:
    """The next byte, which stays; b"" at the end. Raises BlockingIOError where nothing has come, else OSError.

    Below TLS and gevent. A gevent socket holds a non-blocking one, which can be asked at once; a socket of Python's own
    with a timeout would wait, so another object is made for its descriptor (which asks the kernel for its address).
    """
    inner = getattr(sock, "_sock", None)
    if isinstance(inner, _socket.socket) and inner.gettimeout() == 0:
        return inner.recv(1, FLAGS)
    plain = _socket.socket(sock.family, sock.type, sock.proto, fileno=sock.fileno())
    try:
        return plain.recv(1, FLAGS)
    finally:
        plain.detach()
