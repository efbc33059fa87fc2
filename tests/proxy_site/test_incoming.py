"""A body is read under one deadline, over real sockets and gunicorn's own parser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from gunicorn.config import Config
from gunicorn.http import get_parser

from proxy_site.incoming import TimedInput, limit_chunks

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[Any, Any]]:
    client, server = socket.socketpair()
    yield client, server
    client.close()
    server.close()


def body_of(server: Any) -> Any:
    return next(get_parser(Config(), server, ("127.0.0.1", 1))).body


def test_a_body_that_is_there_is_read_whole(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Content-Length: 5\r\n\r\nhello")
    assert TimedInput(body_of(server), 1).read(100) == b"hello"


def test_a_body_that_drips_is_given_up_although_every_read_gets_a_byte(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Content-Length: 1000\r\n\r\n")

    def drip() -> None:
        for _ in range(1000):
            client.sendall(b"x")
            gevent.sleep(0.02)

    dripping = gevent.spawn(drip)
    source = TimedInput(body_of(server), 0.3)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        list(iter(lambda: source.read(1), b""))
    assert 0.25 < time.monotonic() - began < 10
    dripping.kill()


def test_a_malformed_chunk_is_an_oserror(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n")
    with pytest.raises(OSError, match="malformed"):
        TimedInput(body_of(server), 1).read()


def test_a_chunk_over_the_limit_is_refused_when_it_is_announced(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n")
    body = body_of(server)
    limit_chunks(body, 1000)
    with pytest.raises(OSError, match="malformed"):
        TimedInput(body, 5).read()


def test_chunks_within_the_limit_are_read(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    body = body_of(server)
    limit_chunks(body, 3)
    assert TimedInput(body, 5).read() == b"abcde"


def test_a_body_in_chunks_that_is_cut_is_a_lost_connection(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab")
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionError):
        TimedInput(body_of(server), 1).read(10)


def test_a_body_cut_short_ends_as_what_came(ends: tuple[Any, Any]) -> None:
    client, server = ends
    client.sendall(POST + b"Content-Length: 10\r\n\r\nabc")
    client.shutdown(socket.SHUT_WR)
    assert TimedInput(body_of(server), 1).read(10) == b"abc"
