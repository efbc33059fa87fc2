"""TLS: only a certificate that certifi's list leads to, for this very host, and never a call without one."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests

from keys.outward.outbound import Address
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.transport import Deadlines, Exchange, ProviderAdapter, send
from proxy_api.transport_exchange import Terms
from tests import loopback
from tests.certificates import Authority
from tests.loopback import Upstream, openai_answer
from tests.proxy_api.calls import BODY, PATIENT, SOON, post

NAME = "provider.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def here(_host: str, port: int) -> list[Address]:
    return [(socket.AF_INET, ("127.0.0.1", port))]


def start(adapter: ProviderAdapter, port: int, deadlines: Deadlines = PATIENT) -> Exchange:
    request = requests.Request("POST", f"https://{NAME}:{port}/v1", data=BODY).prepare()
    return adapter.exchange(request, Terms(deadlines, trusted=True))


def refused(adapter: ProviderAdapter, port: int, deadlines: Deadlines = PATIENT) -> GatewayError:
    with pytest.raises(UpstreamError) as caught:
        start(adapter, port, deadlines)
    return caught.value


def test_a_call_goes_to_the_checked_address_under_the_providers_name(authority: Authority) -> None:
    said: list[str | None] = []
    server = authority.server(NAME)
    server.sni_callback = lambda _sock, name, _context: said.append(name)
    adapter = ProviderAdapter(authority.trusting(), here)
    with Upstream(server) as upstream:
        for _ in range(3):
            exchange = start(adapter, upstream.port)
            assert exchange.body() == openai_answer()
            exchange.close()
        assert said == [NAME]
        assert upstream.calls[0].headers["host"] == f"{NAME}:{upstream.port}"
        assert (upstream.count, upstream.connections) == (3, 1)


def test_a_stream_over_tls_arrives(authority: Authority) -> None:
    adapter = ProviderAdapter(authority.trusting(), here)
    with Upstream(authority.server(NAME)) as upstream:
        upstream.script(loopback.stream([b"x" * 100_000, b"data: 2\n\n"]))
        exchange = start(adapter, upstream.port)
        assert exchange.body() == b"x" * 100_000 + b"data: 2\n\n"
        exchange.close()


def test_an_answer_without_length_that_tls_did_not_end_is_a_cut(authority: Authority) -> None:
    adapter = ProviderAdapter(authority.trusting(), here)
    with Upstream(authority.server(NAME)) as upstream:
        upstream.script(loopback.until_close(b"data: 1\n\n"))
        exchange = start(adapter, upstream.port)
        with pytest.raises(UpstreamIncomplete):
            exchange.body()
        exchange.close()


def test_a_large_request_passes_over_tls(authority: Authority) -> None:
    large = b"x" * (4 << 20)
    with Upstream(authority.server(NAME)) as upstream:
        request = requests.Request("POST", f"https://{NAME}:{upstream.port}/v1", data=large).prepare()
        exchange = ProviderAdapter(authority.trusting(), here).exchange(request, Terms(Deadlines(), trusted=True))
        assert exchange.body() == openai_answer()
        exchange.close()
        assert upstream.calls[0].body == large


def test_deadlines_hold_over_tls(authority: Authority) -> None:
    adapter = ProviderAdapter(authority.trusting(), here)
    with Upstream(authority.server(NAME)) as upstream:
        upstream.script(loopback.stream([b"data: 1\n\n"], end=loopback.hang))
        exchange = start(adapter, upstream.port, replace(PATIENT, idle=0.3))
        with pytest.raises(GatewayError) as caught:
            exchange.body()
        exchange.close()
        assert caught.value.outcome == "timeout_idle"


def _old(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


BAD: dict[str, Callable[[Authority], ssl.SSLContext]] = {
    "expired": lambda authority: authority.server(NAME, expired=True),
    "another name": lambda authority: authority.server("other.example"),
    "a wildcard above": lambda authority: authority.server("*.provider.example"),
    "an address": lambda authority: authority.server("127.0.0.1"),
    "TLS 1.1": lambda authority: _old(authority.server(NAME)),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_certificate_is_told_and_nothing_is_sent(authority: Authority, kind: str) -> None:
    with Upstream(BAD[kind](authority)) as upstream:
        error = refused(ProviderAdapter(authority.trusting(), here), upstream.port)
        assert (error.status, error.code, error.retryable) == (502, "upstream_tls", True)
        assert upstream.count == 0


def test_a_self_made_certificate_is_refused_though_the_address_is_trusted(authority: Authority) -> None:
    with Upstream(authority.server("127.0.0.1")) as upstream:
        with pytest.raises(UpstreamError) as caught:
            send(post(upstream.url), PATIENT)
        assert caught.value.code == "upstream_tls"
        assert upstream.count == 0


def test_a_session_cannot_switch_verification_off(authority: Authority) -> None:
    with Upstream(authority.server(NAME)) as upstream, requests.Session() as session:
        session.mount("https://", ProviderAdapter(resolve=lambda _host, _port: here("", upstream.port)))
        with pytest.raises(UpstreamError):
            session.get(f"https://{NAME}:{upstream.port}/", verify=False)
        assert upstream.count == 0


def test_plain_http_where_tls_was_expected_is_told(authority: Authority) -> None:
    with answering(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert refused(ProviderAdapter(authority.trusting(), here), port).code == "upstream_tls"


def test_a_reset_in_the_handshake_is_told(authority: Authority) -> None:
    with answering(lambda sock: sock.recv(10)) as port:
        assert refused(ProviderAdapter(authority.trusting(), here), port).code == "upstream_tls"


def _drip_a_handshake(sock: socket.socket) -> None:
    for byte in b"\x16\x03\x03\x40\x00" + bytes(100):
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("act", [lambda _sock: time.sleep(2), _drip_a_handshake])
def test_a_handshake_is_not_waited_for_longer_than_a_connection(authority: Authority, act: Callable[..., Any]) -> None:
    with answering(act) as port:
        started = time.monotonic()
        error = refused(ProviderAdapter(authority.trusting(), here), port, Deadlines(connect=0.3))
        assert error.outcome == "timeout_connect"
        assert error.retryable
        assert time.monotonic() - started < SOON


@contextmanager
def answering(act: Callable[[socket.socket], object]) -> Iterator[int]:
    """A listener that does `act` to its one connection and closes it."""

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            try:
                act(sock)
            except OSError:
                return  # the caller left

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_an_untrusted_call_is_gated_though_its_certificate_is_good(authority: Authority) -> None:
    with Upstream(authority.server(NAME)) as upstream:
        request = requests.Request("POST", f"https://{NAME}:{upstream.port}/v1", data=BODY).prepare()
        with pytest.raises(UpstreamError) as caught:
            ProviderAdapter(authority.trusting(), here).exchange(request, Terms(PATIENT))
        assert caught.value.code == "upstream_unavailable"
        assert upstream.connections == 0
