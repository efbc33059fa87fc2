"""Calls through the transport, as its tests make them."""

from __future__ import annotations

import pytest

from proxy_api.errors import GatewayError
from proxy_api.transport import Deadlines, send
from proxy_api.upstream import UpstreamRequest
from tests import loopback
from tests.loopback import Upstream

# For silences that are to be noticed, and for all other calls: others may be using the machine.
QUICK = Deadlines(connect=1.0, first_byte=0.3, idle=0.3, total=30.0, ping=5.0)
PATIENT = Deadlines(connect=20.0, first_byte=20.0, idle=20.0, total=30.0, ping=20.0)
SOON = 10.0  # seconds; less than what would pass without the deadline under test
BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}'


def post(url: str, body: bytes = BODY, headers: dict[str, str] | None = None) -> UpstreamRequest:
    named = {"Authorization": "Bearer sk-test", "Content-Type": "application/json"} | (headers or {})
    return UpstreamRequest("POST", f"{url}/v1/chat/completions", named, body, trusted=True)


def call(url: str, deadlines: Deadlines = PATIENT, body: bytes = BODY) -> bytes:
    exchange = send(post(url, body), deadlines)
    try:
        return exchange.body()
    finally:
        exchange.close()


def failure(url: str, deadlines: Deadlines = PATIENT, body: bytes = BODY) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        call(url, deadlines, body)
    return caught.value


def told(error: GatewayError) -> tuple[int, str | None, str, bool]:
    return error.status, error.code, error.outcome, error.retryable


UNAVAILABLE = (502, "upstream_unavailable", "upstream_error", False)
INCOMPLETE = (502, "upstream_incomplete", "incomplete", False)


def call_after(upstream: Upstream) -> tuple[int, int]:
    """A good call after a bad one: (calls, connections)."""
    upstream.script(loopback.answer(b"{}"))
    assert call(upstream.url) == b"{}"
    return upstream.count, upstream.connections
