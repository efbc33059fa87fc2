"""The transport under gevent, as gunicorn's worker runs it: a program that says `ok`, run by test_transport_watch."""

# ruff: noqa: E402 - the patch comes before every other import
from gevent import monkey

monkey.patch_all()

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import gevent
import requests
from django.conf import settings

from keys.outward.outbound import Address, AddressUnknown, addresses
from proxy_api.errors import ClientGone, GatewayError, ServerShutdown, UpstreamError
from proxy_api.transport import Deadlines, ProviderAdapter, Watch, in_flight, send, shut_down
from proxy_api.transport_exchange import Terms
from proxy_api.upstream import UpstreamRequest
from tests import loopback
from tests.certificates import Authority
from tests.loopback import Behaviour, Upstream, openai_answer

settings.configure(DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS=())
SOON = 10.0  # seconds; less than what would pass without the deadline under test
SILENT = [loopback.hang, loopback.stream([b"data: 1\n\n"], end=loopback.hang)]


def post(url: str) -> UpstreamRequest:
    return UpstreamRequest("POST", f"{url}/v1/chat/completions", {"Authorization": "Bearer x"}, b"{}", trusted=True)


def call(url: str, deadlines: Deadlines | None = None, watch: Watch | None = None) -> bytes:
    with closing(send(post(url), deadlines or Deadlines(), watch)) as exchange:
        return exchange.body()


def failure(act: Callable[[], object]) -> tuple[GatewayError, float]:
    started = time.monotonic()
    try:
        act()
    except GatewayError as error:
        return error, time.monotonic() - started
    raise AssertionError("nothing was raised")


def client_and_server() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def the_client_is_watched(upstream: Upstream, behaviour: Behaviour, pipelined: bytes) -> None:
    upstream.forget()
    upstream.script(behaviour)
    client, served = client_and_server()
    client.sendall(pipelined)
    with closing(Watch(served)) as watch:
        assert watch.driven
        gevent.spawn_later(0.1, client.close)
        error, seconds = failure(lambda: call(upstream.url, watch=watch))
        assert isinstance(error, ClientGone), error
        assert 0.05 < seconds < SOON, seconds
        assert watch.gone
    assert upstream.wait_until(lambda: len(upstream.aborted) == 1), "the provider's call goes on"
    served.close()


def a_watched_call_ends_well(upstream: Upstream) -> None:
    upstream.script(loopback.stream([b"a", b"b", b"c"], gap=0.15))
    client, served = client_and_server()
    with closing(Watch(served)) as watch:
        gevent.spawn_later(0.1, client.sendall, b"GET / HTTP/1.1\r\n")
        assert call(upstream.url, watch=watch) == b"abc"
        assert watch.pipelined
        assert not watch.gone
    client.close()
    served.close()


def deadlines_hold(upstream: Upstream) -> None:
    quick = Deadlines(connect=0.3, first_byte=0.3, idle=0.3, ping=0.1)
    drip = loopback.drip(loopback.wire_of(b"ok"), gap=0.05)
    for behaviour, outcome in (
        (loopback.hang, "timeout_first_byte"),
        (drip, "timeout_first_byte"),
        (SILENT[1], "timeout_idle"),
        (loopback.reset, "upstream_error"),
        (loopback.stream([b"1"], end=loopback.reset), "incomplete"),
    ):
        upstream.script(behaviour)
        error, seconds = failure(lambda: call(upstream.url, quick))
        assert (error.outcome, seconds < SOON) == (outcome, True), (error, error.outcome, seconds)


def many_calls_at_once_are_not_mixed(upstream: Upstream) -> None:
    upstream.script(lambda one: one.write(loopback.wire_of(one.received.body)))

    def echo(number: int) -> bool:
        body = b"%d" % number * 100
        request = UpstreamRequest("POST", upstream.url + "/v1", {}, body, trusted=True)
        with closing(send(request, Deadlines())) as exchange:
            return exchange.body() == body

    jobs = [gevent.spawn(echo, number) for number in range(300)]
    gevent.joinall(jobs, timeout=20)
    assert all(job.value for job in jobs)


def a_killed_call_takes_its_connection_with_it(upstream: Upstream) -> None:
    upstream.script(loopback.raw(b"", loopback.wire_of(b"foreign"), gap=0.2))
    job = gevent.spawn(call, upstream.url)
    gevent.sleep(0.05)
    job.kill()
    assert in_flight() == 0
    upstream.script(loopback.answer(b"mine"))
    assert call(upstream.url) == b"mine"


def a_drain_ends_every_call(upstream: Upstream) -> None:
    upstream.script(SILENT[1])
    jobs = [gevent.spawn(failure, lambda: call(upstream.url)) for _ in range(20)]
    gevent.sleep(0.3)
    assert in_flight() == 20
    started = time.monotonic()
    shut_down()
    gevent.joinall(jobs, timeout=SOON)
    assert time.monotonic() - started < SOON
    assert all(isinstance(job.value[0], ServerShutdown) for job in jobs)


def names_are_resolved_in_time(_upstream: Upstream) -> None:
    def mute(_host: str, _port: int) -> list[Address]:
        time.sleep(1)
        return []

    assert addresses("localhost", 80, trusted=True)
    try:
        addresses("p.example", 80, trusted=True, resolve=mute, seconds=0.1)
    except AddressUnknown:
        return
    raise AssertionError("the deadline did not hold")


def other_threads_have_their_own_connections(upstream: Upstream) -> None:
    upstream.script(loopback.answer(b"ok"))
    for _ in range(3):
        assert call(upstream.url) == b"ok"
        assert gevent.get_hub().threadpool.apply(call, (upstream.url,)) == b"ok"


def tls_holds(_upstream: Upstream) -> None:
    authority = Authority(Path(tempfile.mkdtemp()))
    with Upstream(authority.server("127.0.0.1")) as upstream:
        adapter = ProviderAdapter(authority.trusting())
        request = requests.Request("POST", upstream.url, data=b"{}").prepare()
        for _ in range(2):
            with closing(adapter.exchange(request, Terms(Deadlines(), trusted=True))) as exchange:
                assert exchange.body() == openai_answer()
        assert upstream.connections == 1
        upstream.script(SILENT[1])
        with closing(adapter.exchange(request, Terms(Deadlines(idle=0.2), trusted=True))) as exchange:
            assert failure(exchange.body)[0].outcome == "timeout_idle"
        with closing(adapter.exchange(request, Terms(Deadlines(), trusted=True))) as exchange:
            gevent.spawn_later(0.1, shut_down)
            assert isinstance(failure(exchange.body)[0], ServerShutdown)
        error, _ = failure(lambda: call(upstream.url))
        assert isinstance(error, UpstreamError)
        assert error.code == "upstream_tls"


def main() -> None:
    assert threading.current_thread() is threading.main_thread()
    with Upstream() as upstream:
        for behaviour in SILENT:
            for pipelined in (b"", b"GET / HTTP/1.1\r\n"):
                the_client_is_watched(upstream, behaviour, pipelined)
        for check in (
            a_watched_call_ends_well,
            deadlines_hold,
            many_calls_at_once_are_not_mixed,
            a_killed_call_takes_its_connection_with_it,
            a_drain_ends_every_call,
            names_are_resolved_in_time,
            other_threads_have_their_own_connections,
            tls_holds,
        ):
            check(upstream)
            assert in_flight() == 0, check
    print("ok")


if __name__ == "__main__":
    main()
