"""Calls over real sockets to a provider that misbehaves: what is said, how soon, and that nothing is sent twice."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from proxy_api.errors import UpstreamError, UpstreamTimeout
from proxy_api.framing import frames
from proxy_api.transport import Deadlines, ProviderAdapter, in_flight, send
from proxy_api.upstream import UpstreamRequest
from tests import loopback
from tests.loopback import Behaviour, Upstream, openai_answer, openai_stream
from tests.proxy_api.calls import (
    BODY,
    INCOMPLETE,
    PATIENT,
    QUICK,
    SOON,
    UNAVAILABLE,
    call,
    call_after,
    failure,
    post,
    told,
)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


# -- the good way -----------------------------------------------------------------------------------------------------
def test_a_call_arrives_as_it_was_written_and_its_answer_too(upstream: Upstream) -> None:
    upstream.script(loopback.answer(openai_answer(), headers=[("X-Request-Id", "req_1"), ("Set-Cookie", "a=b")]))
    exchange = send(post(upstream.url), PATIENT)
    head = exchange.head()
    assert head is not None
    assert (head.status, head.headers["x-request-id"]) == (200, "req_1")
    assert exchange.body() == openai_answer()
    assert exchange.sent
    assert exchange.delimited
    exchange.close()
    exchange.close()
    received = upstream.calls[0]
    assert (received.method, received.path, received.body) == ("POST", "/v1/chat/completions", BODY)
    assert received.headers["authorization"] == "Bearer sk-test"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert in_flight() == 0


def test_a_get_has_no_body(upstream: Upstream) -> None:
    exchange = send(UpstreamRequest("GET", f"{upstream.url}/v1/models", {}, b"", trusted=True), PATIENT)
    assert exchange.body()
    exchange.close()
    assert "content-length" not in upstream.calls[0].headers


def test_one_connection_carries_many_calls(upstream: Upstream) -> None:
    for _ in range(5):
        call(upstream.url)
    upstream.script(loopback.stream(openai_stream()))
    for _ in range(5):
        call(upstream.url)
    assert (upstream.count, upstream.connections) == (10, 1)


def test_a_stream_arrives_frame_by_frame_as_it_is_sent(upstream: Upstream) -> None:
    sent = openai_stream("one two three")
    upstream.script(loopback.stream(sent, gap=0.02))
    exchange = send(post(upstream.url), PATIENT)
    times = []
    found = []
    for frame in frames(exchange.pieces()):
        assert frame is not None
        found.append(frame.raw)
        times.append(time.monotonic())
    exchange.close()
    assert found == sent
    assert times[-1] - times[0] > 0.05


def test_an_answer_split_anywhere_is_the_same(upstream: Upstream) -> None:
    wire = loopback.chunked_head() + b"".join(loopback.chunk(frame) for frame in openai_stream("é 🙂"))
    upstream.script(loopback.split(wire + b"0\r\n\r\n", range(1, len(wire), 97)))
    assert call(upstream.url) == b"".join(openai_stream("é 🙂"))


def test_a_large_request_and_a_large_answer_pass(upstream: Upstream) -> None:
    large = b"x" * (8 << 20)
    upstream.script(loopback.answer(large))
    assert call(upstream.url, Deadlines(), body=large) == large
    assert upstream.calls[0].body == large


def test_an_error_status_is_an_answer(upstream: Upstream) -> None:
    upstream.script(loopback.answer(b'{"error":{}}', 429, [("Retry-After", "7")]))
    exchange = send(post(upstream.url), PATIENT)
    head = exchange.head()
    assert head is not None
    assert (head.status, head.headers["retry-after"], exchange.body()) == (429, "7", b'{"error":{}}')
    exchange.close()


@pytest.mark.parametrize("wait", ["head", "pieces"])
def test_silence_is_said_each_ping_and_the_call_goes_on(upstream: Upstream, wait: str) -> None:
    if wait == "head":
        upstream.script(loopback.raw(b"", loopback.wire_of(b"ok"), gap=0.25))
    else:
        upstream.script(loopback.stream([b"o", b"k"], gap=0.25))
    exchange = send(post(upstream.url), Deadlines(ping=0.1))
    found: list[bytes | None] = []
    while wait == "head" and exchange.head() is None:
        found.append(None)
    found += list(exchange.pieces())
    exchange.close()
    assert found.count(None) == 2
    assert b"".join(piece or b"" for piece in found) == b"ok"


# -- the connection cannot be had: nothing was sent, another route may be tried ---------------------------------------
def test_a_refused_connection_is_told_and_may_be_tried_elsewhere() -> None:
    error = failure(f"http://127.0.0.1:{loopback.closed_port()}")
    assert told(error) == (502, "upstream_unavailable", "upstream_error", True)


def test_a_connection_that_is_not_made_in_time_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        started = time.monotonic()
        error = failure(f"http://127.0.0.1:{address[1]}", Deadlines(connect=0.3))
        assert told(error) == (504, "upstream_timeout", "timeout_connect", True)
        assert 0.25 < time.monotonic() - started < SOON
        for sock in waiting:
            sock.close()


def test_a_name_without_address_is_told() -> None:
    def nothing(_host: str, _port: int) -> list[tuple[int, tuple[object, ...]]]:
        return []

    adapter = ProviderAdapter(resolve=nothing)
    with pytest.raises(UpstreamError) as caught:
        adapter.send(requests.Request("POST", "https://provider.example/v1").prepare())
    assert told(caught.value) == (502, "upstream_unavailable", "upstream_error", True)


def test_an_address_that_the_gate_refuses_is_never_called(upstream: Upstream) -> None:
    request = UpstreamRequest("POST", f"{upstream.url}/v1", {}, BODY, trusted=False)
    with pytest.raises(UpstreamError) as caught:
        send(request, PATIENT)
    assert caught.value.retryable
    assert upstream.connections == 0


def test_a_connection_of_a_trusted_call_never_serves_an_untrusted_one(upstream: Upstream) -> None:
    call(upstream.url)
    with pytest.raises(UpstreamError):
        send(UpstreamRequest("POST", f"{upstream.url}/v1", {}, BODY, trusted=False), PATIENT)
    assert upstream.count == 1


def test_a_request_that_is_not_read_in_time_was_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        error = failure(f"http://127.0.0.1:{deaf.getsockname()[1]}", QUICK, body=b"x" * (16 << 20))
    assert (error.status, error.retryable) == (504, True)


# -- no answer, or half of one: it may be billed, so it is not tried again --------------------------------------------
@pytest.mark.parametrize(
    "behaviour", [loopback.reset, loopback.close, loopback.raw(b"HTTP/1.1 200", end=loopback.reset)]
)
def test_a_connection_lost_before_the_answer_is_told_and_not_tried_again(
    upstream: Upstream, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)
    assert told(failure(upstream.url)) == UNAVAILABLE
    assert upstream.count == 1


@pytest.mark.parametrize("behaviour", [loopback.hang, loopback.drip(loopback.wire_of(b"ok"), gap=0.05)])
def test_a_head_that_does_not_come_in_time_is_told_however_it_drips(upstream: Upstream, behaviour: Behaviour) -> None:
    upstream.script(behaviour)
    started = time.monotonic()
    assert told(failure(upstream.url, QUICK)) == (504, "upstream_timeout", "timeout_first_byte", False)
    assert 0.25 < time.monotonic() - started < SOON
    assert upstream.wait_until(lambda: len(upstream.aborted) == 1)


def test_a_stream_that_falls_silent_is_told_with_pings_before(upstream: Upstream) -> None:
    upstream.script(loopback.stream([b"data: 1\n\n"], end=loopback.hang))
    exchange = send(post(upstream.url), Deadlines(idle=0.35, ping=0.1))
    pieces = exchange.pieces()
    assert [next(pieces) for _ in range(4)] == [b"data: 1\n\n", None, None, None]
    with pytest.raises(UpstreamTimeout) as caught:
        next(pieces)
    exchange.close()
    assert caught.value.outcome == "timeout_idle"
    assert upstream.wait_until(lambda: len(upstream.aborted) == 1)


def test_a_drip_of_chunk_framing_is_no_sign_of_life(upstream: Upstream) -> None:
    upstream.script(loopback.raw(loopback.chunked_head(), *([b"5;"] + [b"x"] * 1000), gap=0.03))
    started = time.monotonic()
    assert failure(upstream.url, QUICK).outcome == "timeout_idle"
    assert time.monotonic() - started < SOON


def test_a_stream_without_end_is_cut_at_the_total_deadline(upstream: Upstream) -> None:
    upstream.script(loopback.stream([b"data: 1\n\n"] * 1000, gap=0.03))
    started = time.monotonic()
    assert failure(upstream.url, Deadlines(idle=0.3, total=0.4)).outcome == "timeout_total"
    assert 0.3 < time.monotonic() - started < SOON


CUTS = {
    "chunks without the last one": loopback.stream([b"data: 1\n\n"], end=loopback.close),
    "inside a chunk": loopback.raw(loopback.chunked_head() + b"ff\r\ndata", end=loopback.close),
    "reset in a stream": loopback.stream([b"data: 1\n\n"], end=loopback.reset),
    "short length": loopback.short_length(b'{"id":1}'),
    "reset of an answer without length": loopback.until_close(b"data: 1\n\n", end=loopback.reset),
    "short gzip": loopback.answer(gzip.compress(b"hello" * 99)[:-9], headers=[("Content-Encoding", "gzip")]),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_visible_cut_is_incomplete(upstream: Upstream, cut: str) -> None:
    upstream.script(CUTS[cut])
    assert told(failure(upstream.url)) == INCOMPLETE
    assert upstream.count == 1


def test_a_cut_that_looks_clean_is_marked_as_not_delimited(upstream: Upstream) -> None:
    upstream.script(loopback.until_close(b"data: 1\n\n"))
    exchange = send(post(upstream.url), PATIENT)
    assert exchange.body() == b"data: 1\n\n"
    assert not exchange.delimited
    exchange.close()


# -- odd answers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_goes_nowhere(upstream: Upstream, status: int) -> None:
    with Upstream() as other:
        upstream.script(loopback.answer(b"", status, [("Location", f"{other.url}/v1/chat/completions")]))
        assert told(failure(upstream.url)) == UNAVAILABLE
        assert other.connections == 0
    assert upstream.count == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        loopback.raw(loopback.head_of(101, [("Connection", "upgrade"), ("Upgrade", "h2c")])),
        loopback.raw(loopback.head_of(205, [])),
        loopback.raw(b"<html>not http</html>\r\n\r\n"),
        loopback.raw(loopback.head_of(200, [("X", "x" * (1 << 20))])),
        loopback.raw(loopback.head_of(200, [(f"X-{at}", "1") for at in range(150)])),
        loopback.answer(b"x", headers=[("Content-Encoding", "br")]),
        loopback.raw(loopback.chunked_head() + b"0x5\r\nhello\r\n0\r\n\r\n"),
    ],
)
def test_what_no_api_answers_is_refused(upstream: Upstream, behaviour: Behaviour) -> None:
    upstream.script(behaviour)
    assert told(failure(upstream.url)) == UNAVAILABLE
    assert call_after(upstream) == (2, 2)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_is_whole_without_one(upstream: Upstream, status: int) -> None:
    upstream.script(loopback.raw(loopback.head_of(status, [("Content-Encoding", "gzip"), ("Content-Length", "99")])))
    assert call(upstream.url) == b""
    assert call_after(upstream) == (2, 1)


def test_a_gzip_answer_is_decoded(upstream: Upstream) -> None:
    upstream.script(loopback.answer(gzip.compress(openai_answer()), headers=[("Content-Encoding", "gzip")]))
    assert call(upstream.url) == openai_answer()
    assert call_after(upstream) == (2, 1)


def test_an_answer_that_is_no_gzip_is_refused(upstream: Upstream) -> None:
    upstream.script(loopback.answer(b"no gzip", headers=[("Content-Encoding", "gzip")]))
    assert told(failure(upstream.url)) == UNAVAILABLE


def test_a_bomb_and_an_endless_answer_are_cut_at_the_cap(upstream: Upstream) -> None:
    upstream.script(loopback.answer(gzip.compress(bytes(64 << 20)), headers=[("Content-Encoding", "gzip")]))
    assert told(failure(upstream.url, Deadlines())) == UNAVAILABLE
    upstream.script(loopback.stream([bytes(1 << 20)] * 40))
    assert told(failure(upstream.url, Deadlines())) == UNAVAILABLE
    exchange = send(post(upstream.url), Deadlines())
    with pytest.raises(UpstreamError):
        exchange.body(limit=1000)
    exchange.close()


def test_bytes_after_an_answer_cost_the_connection_alone(upstream: Upstream) -> None:
    upstream.script(loopback.raw(loopback.wire_of(b"ok") + loopback.wire_of(b"surplus")))
    assert call(upstream.url) == b"ok"
    assert call_after(upstream) == (2, 2)
