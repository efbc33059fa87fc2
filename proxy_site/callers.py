"""Connections that do not speak HTTP are ended at their first byte, and silent ones after a few seconds.

gunicorn waits for the end of a request line until its keep-alive runs out, whatever has come: a TLS hello, a scanner's
rubbish. A request line begins with a method's letter (RFC 9112, 3), at most after an empty line (2.2).
"""

from __future__ import annotations

import socket
import string
from collections.abc import Callable
from typing import Any

import gevent

FIRST_BYTE_SECONDS = 5.0
BEGINNINGS = string.ascii_letters.encode() + b"\r\n"
NO_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
Connection = Callable[[Any, Any, Any], None]


def guarded(answer: Connection) -> Connection:
    """The worker's way to answer one connection, behind a look at its first byte."""

    def answer_http(listener: Any, client: Any, address: Any) -> None:
        first = first_byte(client)
        if first and first in BEGINNINGS:
            answer(listener, client, address)
        else:
            end(client, first)

    return answer_http


def first_byte(client: Any) -> bytes:
    """The connection's first byte, which stays to be read; nothing where none comes in time."""
    found = b""
    try:
        with gevent.Timeout(FIRST_BYTE_SECONDS, False):
            found = client.recv(1, socket.MSG_PEEK)
    except OSError:
        pass
    return found


def end(client: Any, first: bytes) -> None:
    """Close; where something has come, say why. What is there is read, or closing would reset the answer away."""
    try:
        if first:
            client.recv(1 << 16)
            client.sendall(NO_HTTP)
    except OSError:
        pass
    finally:
        client.close()
