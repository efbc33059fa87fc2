"""SIGTERM with calls under way: what can end ends, what cannot is told so, and all of it is on the ledger."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.client import Client, hello
from tests.live import Live, started_live
from tests.loopback import Call, hang, openai_stream, stream

FRAMES = openai_stream("Hello there")
EACH = 12
ENDS = "SELECT status, output_tokens, estimated, count(*) FROM cache_admin_usagerecord GROUP BY 1, 2, 3"


def by_name(call: Call) -> None:
    """Short streams last 1.2 s, long ones for ever; the rest hangs."""
    body = call.received.json()
    short = stream(FRAMES, gap=0.2)
    (short if body["user"] == "short" else stream(FRAMES[:3], end=hang) if body["user"] == "long" else hang)(call)


def begun(live: Live, user: str, **fields: Any) -> list[Client]:
    return [Client(live, hello(user=user, **fields)) for _ in range(EACH)]


def test_short_calls_end_long_ones_are_told_and_new_ones_are_refused() -> None:
    with started_live(DRAGOMAN_DRAIN_SECONDS="2", DRAGOMAN_FIRST_BYTE_TIMEOUT="20", DRAGOMAN_IDLE_TIMEOUT="20") as live:
        live.upstream.script(by_name)
        short, long = begun(live, "short", stream=True), begun(live, "long", stream=True)
        plain = begun(live, "plain")
        assert live.upstream.wait_until(lambda: live.upstream.count == 3 * EACH)
        for client in short + long:
            client.until(b"Hello")
        with socket.create_connection(("127.0.0.1", live.port), timeout=5) as kept:
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert received(kept, b"ok\n").startswith(b"HTTP/1.1 200 ")
            live.server.terminate()
            told_at = time.monotonic()
            time.sleep(0.5)
            assert is_refused(live)
            kept.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            away = received(kept, b"}}")
        assert away.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in away.lower()
        with ThreadPoolExecutor(3 * EACH) as pool:
            list(pool.map(Client.rest, short + long + plain))
        assert live.server.wait(10) == 0
        assert time.monotonic() - told_at < 6
        assert all(client.done for client in short)
        assert {client.error["code"] for client in long + plain} == {"server_shutdown"}
        assert all(client.whole and b"[DONE]" not in client.body for client in long)
        assert {client.status for client in plain} == {503}
        live.manage("ship_usage")
        ends = {tuple(row.values())[:3]: row["count"] for row in live.rows(ENDS)}
        assert ends == {("ok", 10, False): EACH, ("shutdown", 3, True): EACH, ("shutdown", 0, True): EACH}
        assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 2 * EACH)


def received(sock: socket.socket, end: bytes) -> bytes:
    """What comes, up to and with `end`."""
    out = b""
    while not out.endswith(end) and (piece := sock.recv(65536)):
        out += piece
    return out


def is_refused(live: Live) -> bool:
    try:
        return live.chat(hello()).status == 503
    except OSError:
        return True
