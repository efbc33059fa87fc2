"""A client that leaves is noticed while the provider is silent, and the provider's call is cut; on plain threads."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy_api.errors import ClientGone
from proxy_api.transport import Deadlines, Watch, in_flight, send
from tests import loopback
from tests.loopback import Behaviour, Upstream
from tests.proxy_api.calls import PATIENT, SOON, call_after, post

Pair = tuple[socket.socket, socket.socket]
SILENT = [loopback.hang, loopback.stream([b"data: 1\n\n"], end=loopback.hang)]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client's socket and the server's end of it, over TCP as in life."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
    with client, served:
        yield client, served


def later(action: object, *arguments: object, seconds: float = 0.1) -> None:
    assert callable(action)
    threading.Timer(seconds, action, arguments).start()


@pytest.mark.parametrize("behaviour", SILENT)
@pytest.mark.parametrize("pipelined", [b"", b"GET / HTTP/1.1\r\n"])
def test_a_client_that_leaves_is_noticed_in_the_providers_silence(
    upstream: Upstream, pair: Pair, behaviour: Behaviour, pipelined: bytes
) -> None:
    client, served = pair
    client.sendall(pipelined)
    upstream.script(behaviour)
    with closing(Watch(served)) as watch, closing(send(post(upstream.url), Deadlines(), watch)) as exchange:
        started = time.monotonic()
        later(client.close)
        with pytest.raises(ClientGone):
            exchange.body()
        assert watch.gone
        assert 0.05 < time.monotonic() - started < SOON
        assert upstream.wait_until(lambda: len(upstream.aborted) == 1)
    assert in_flight() == 0


def half_close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def abort(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("leave", [half_close, abort])
def test_a_client_that_half_closes_or_resets_counts_as_gone(upstream: Upstream, pair: Pair, leave: object) -> None:
    client, served = pair
    upstream.script(loopback.hang)
    with closing(Watch(served)) as watch, closing(send(post(upstream.url), Deadlines(), watch)) as exchange:
        later(leave, client)
        with pytest.raises(ClientGone):
            exchange.head()


def test_a_client_that_sends_its_next_request_is_not_gone(upstream: Upstream, pair: Pair) -> None:
    client, served = pair
    upstream.script(loopback.stream([b"a", b"b", b"c"], gap=0.15))
    with closing(Watch(served)) as watch, closing(send(post(upstream.url), Deadlines(), watch)) as exchange:
        later(client.sendall, b"GET /v1/models HTTP/1.1\r\n")
        assert exchange.body() == b"abc"
        assert watch.pipelined
        assert not watch.gone


def test_a_client_that_left_before_the_call_costs_nothing(upstream: Upstream, pair: Pair) -> None:
    client, served = pair
    client.close()
    with closing(Watch(served)) as watch, pytest.raises(ClientGone):
        send(post(upstream.url), PATIENT, watch)
    assert upstream.count == 0
    assert in_flight() == 0


def test_a_watched_call_that_ends_well_gives_its_connection_back(upstream: Upstream, pair: Pair) -> None:
    client, served = pair
    with closing(Watch(served)) as watch:
        for _ in range(2):
            with closing(send(post(upstream.url), PATIENT, watch)) as exchange:
                exchange.body()
        client.close()
        time.sleep(0.05)
        assert watch.check()
    assert call_after(upstream) == (3, 1)


def test_a_closed_watch_looks_at_nothing(pair: Pair) -> None:
    client, served = pair
    watch = Watch(served)
    watch.close()
    watch.close()
    client.close()
    assert not watch.check()


def test_all_of_it_holds_under_gevent() -> None:
    """In a process of its own, because patching cannot be undone."""
    script = Path(__file__).with_name("gevent_calls.py")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, script], cwd=root, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "ok"
