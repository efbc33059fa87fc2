"""Connections kept and given up, the drain, and the adapter behind a `requests` Session."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pytest_django.fixtures import Settings

from keys.outward.outbound import read_url
from proxy_api.errors import ServerShutdown
from proxy_api.transport import Deadlines, ProviderAdapter, in_flight, send, shut_down
from proxy_api.transport_pool import MAX_AGE, MAX_IDLE, SWEEP_SECONDS, Origin, Pool
from tests import loopback
from tests.loopback import Upstream, openai_answer
from tests.proxy_api.calls import BODY, PATIENT, SOON, UNAVAILABLE, call, call_after, failure, post, told


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


def test_a_stale_connection_is_replaced_before_it_is_used(upstream: Upstream) -> None:
    call(upstream.url)
    upstream.hang_up()
    time.sleep(0.05)
    assert call_after(upstream) == (2, 2)


def test_a_connection_on_which_something_was_said_unasked_is_not_used(upstream: Upstream) -> None:
    said = threading.Event()
    late = (loopback.wire_of(b"ok"), b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    upstream.script(loopback.raw(*late, gap=0.03, end=lambda _: said.set()))
    call(upstream.url)
    assert said.wait(SOON)
    assert call_after(upstream) == (2, 2)


def test_a_pooled_connection_lost_after_the_request_is_not_tried_again(upstream: Upstream) -> None:
    call(upstream.url)
    upstream.script(loopback.close)
    assert told(failure(upstream.url)) == UNAVAILABLE
    assert (upstream.count, upstream.connections) == (2, 1)


def test_an_exchange_closed_in_the_middle_takes_its_connection_with_it(upstream: Upstream) -> None:
    upstream.script(loopback.stream([b"data: 1\n\n"] * 100, gap=0.05))
    exchange = send(post(upstream.url), PATIENT)
    assert next(exchange.pieces())
    exchange.close()
    assert upstream.wait_until(lambda: len(upstream.aborted) == 1)
    assert call_after(upstream) == (2, 2)


def test_the_pool_is_bounded(upstream: Upstream) -> None:
    pool, origin = Pool(), Origin(read_url(upstream.url), trusted=True)
    for _ in range(MAX_IDLE + 5):
        pool.give(pool.open(origin, time.monotonic() + 1))
    taken = list(iter(lambda: pool.take(origin), None))
    assert len(taken) == MAX_IDLE
    for connection in taken:
        connection.close()


def test_a_connection_is_given_up_after_its_life(upstream: Upstream) -> None:
    pool, origin = Pool(), Origin(read_url(upstream.url), trusted=True)
    connection = pool.open(origin, time.monotonic() + 1)
    connection.opened_at -= MAX_AGE + 1
    pool.give(connection)
    assert pool.take(origin) is None
    assert connection.sock.fileno() == -1


def test_what_died_while_idle_is_closed_though_nobody_asks_for_it(upstream: Upstream) -> None:
    pool, origin = Pool(), Origin(read_url(upstream.url), trusted=True)
    with Upstream() as left:
        dead = pool.open(Origin(read_url(left.url), trusted=True), time.monotonic() + 1)
        pool.give(dead)
        assert left.wait_until(lambda: left.connections == 1)
        time.sleep(0.05)
        left.hang_up()
        time.sleep(0.05)
        pool.swept_at -= SWEEP_SECONDS + 1
        alive = pool.open(origin, time.monotonic() + 1)
        pool.give(alive)
    assert dead.sock.fileno() == -1
    assert pool.take(origin) is alive
    alive.close()


def test_a_forked_child_does_not_use_its_parents_connections(upstream: Upstream) -> None:
    pool, origin = Pool(), Origin(read_url(upstream.url), trusted=True)
    connection = pool.open(origin, time.monotonic() + 1)
    pool.give(connection)
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.take(origin) is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.take(origin) is connection
    connection.close()


def test_a_drain_ends_every_call_at_once(upstream: Upstream) -> None:
    upstream.then(loopback.hang, loopback.stream([b"data: 1\n\n"], end=loopback.hang))
    failures: list[tuple[BaseException, float]] = []

    def wait() -> None:
        exchange = send(post(upstream.url), Deadlines())
        try:
            exchange.body()
        except ServerShutdown as error:
            failures.append((error, time.monotonic()))
        finally:
            exchange.close()

    waiting = [threading.Thread(target=wait) for _ in range(2)]
    for thread in waiting:
        thread.start()
    assert upstream.wait_until(lambda: upstream.count == 2 and in_flight() == 2)
    time.sleep(0.05)
    started = time.monotonic()
    shut_down()
    for thread in waiting:
        thread.join(SOON)
    assert len(failures) == 2
    assert max(at for _, at in failures) - started < SOON
    assert in_flight() == 0
    assert call_after(upstream)[0] == 3


def test_a_session_calls_through_the_adapter(upstream: Upstream, settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    with requests.Session() as session:
        session.mount("http://", ProviderAdapter())
        upstream.then(loopback.answer(openai_answer()), loopback.stream([b"a", b"b"]))
        assert session.post(upstream.url, data=BODY, timeout=(1, 1)).content == openai_answer()
        with session.post(upstream.url, data=BODY, stream=True, timeout=1) as streamed:
            assert b"".join(streamed.iter_content()) == b"ab"
    assert in_flight() == 0


def test_the_environment_changes_neither_key_nor_way(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{loopback.closed_port()}")
    call(upstream.url)
    assert upstream.calls[0].headers["authorization"] == "Bearer sk-test"
