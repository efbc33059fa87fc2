"""A client that leaves: its call to the provider ends at once, and the ledger says so."""

from __future__ import annotations

import socket
import struct
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.client import Client, hello
from tests.live import Live, started_live
from tests.loopback import Call, answer, chunk, chunked_head, hang, openai_answer, openai_stream, raw, stream, wire_of

FRAMES = openai_stream("Hello there, this is an answer")


def row_of(live: Live, mark: str, seconds: float = 20) -> dict[str, Any]:
    """The final row of the call that carried `mark` as its x-client-request-id."""
    deadline = time.monotonic() + seconds
    while True:
        live.manage("ship_usage")
        rows = live.rows("SELECT * FROM cache_admin_usagerecord WHERE client_request_id = %s", mark)
        if rows and rows[0]["status"] != "open":
            assert len(rows) == 1
            return rows[0]
        assert time.monotonic() < deadline, f"no final row: {rows}"
        time.sleep(0.1)


def left(live: Live, when: Callable[[Client], object], *, streamed: bool, abruptly: bool = False) -> dict[str, Any]:
    """A call that is left once `when` returns; its row. The provider's call is closed within a second."""
    mark = uuid.uuid4().hex
    client = Client(live, hello(stream=streamed), x_client_request_id=mark)
    assert live.upstream.wait_until(lambda: live.upstream.count == 1)
    when(client)
    client.leave(abruptly=abruptly)
    assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1, 1.0)
    return row_of(live, mark)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "plain"])
def test_before_the_headers(live: Live, streamed: bool) -> None:
    live.upstream.script(hang)
    row = left(live, lambda _: time.sleep(0.1), streamed=streamed)
    assert (row["status"], row["http_status"], row["attempts"]) == ("client_disconnect", 499, 1)


@pytest.mark.parametrize("abruptly", [True, False], ids=["reset", "closed"])
def test_mid_stream_while_the_provider_is_silent(live: Live, abruptly: bool) -> None:
    live.upstream.script(stream(FRAMES[:3], end=hang))
    row = left(live, lambda client: client.until(b"Hello"), streamed=True, abruptly=abruptly)
    assert row["status"] == "client_disconnect"
    assert row["ttft_ms"] is not None


@pytest.mark.parametrize("abruptly", [True, False], ids=["reset", "closed"])
def test_mid_stream_while_the_provider_talks(live: Live, abruptly: bool) -> None:
    live.upstream.script(stream(FRAMES[:2] * 500, gap=0.02))
    assert left(live, lambda client: client.until(b"Hello"), streamed=True, abruptly=abruptly)["status"] == (
        "client_disconnect"
    )


FRAMINGS = {"with a length": "Content-Length: 200000", "in chunks": "Transfer-Encoding: chunked"}


@pytest.mark.parametrize("abruptly", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
@pytest.mark.parametrize(
    ("path", "media"), [("proxy/files", "application/octet-stream"), ("chat/completions", "application/json")]
)
def test_in_the_middle_of_its_own_body(live: Live, path: str, media: str, framing: str, abruptly: bool) -> None:
    mark = uuid.uuid4().hex
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    head += f"X-Client-Request-Id: {mark}\r\nContent-Type: {media}\r\n{framing}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.sendall(head.encode() + (b"30d40\r\n" if "chunked" in framing else b"") + b" " * 100_000)
        time.sleep(0.1)
        if abruptly:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    row = row_of(live, mark)
    assert (row["status"], row["http_status"], row["error_code"]) == (
        "client_disconnect",
        499,
        "client_disconnect",
    )


def test_after_a_ping(live: Live) -> None:
    live.upstream.script(hang)
    assert left(live, lambda client: client.until(b": ping"), streamed=True)["status"] == "client_disconnect"


def test_in_the_middle_of_a_plain_answer(live: Live) -> None:
    live.upstream.script(raw(wire_of(openai_answer())[:-50], end=hang))
    assert left(live, lambda _: time.sleep(0.1), streamed=False)["status"] == "client_disconnect"


def test_after_the_last_byte_the_call_is_whole(live: Live) -> None:
    live.upstream.script(stream(FRAMES))
    mark = uuid.uuid4().hex
    client = Client(live, hello(stream=True), x_client_request_id=mark).until(b"[DONE]")
    client.leave(abruptly=True)
    assert row_of(live, mark)["status"] == "ok"
    assert live.upstream.aborted == []


def test_on_a_hit_nothing_is_lost(live: Live) -> None:
    body = hello(temperature=0, stream=True, user=uuid.uuid4().hex)
    live.upstream.script(stream(FRAMES))
    assert Client(live, body).rest().done
    mark = uuid.uuid4().hex
    Client(live, body, x_client_request_id=mark).leave(abruptly=True)
    row = row_of(live, mark)
    assert (row["status"], row["cache"]) in {("ok", "hit"), ("client_disconnect", "hit")}
    assert live.upstream.count == 1


def test_a_request_that_is_left_half_written_reaches_no_provider(live: Live) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.sendall(head.encode() + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.1)
    time.sleep(0.2)
    assert live.upstream.count == 0


class Flood:
    """A stream without end, and how many bytes of it the provider got rid of."""

    def __init__(self) -> None:
        self.written = 0

    def __call__(self, call: Call) -> None:
        call.write(chunked_head())
        block = chunk(FRAMES[1] * 200)
        while True:
            call.write(block)
            self.written += len(block)


def test_a_client_that_does_not_read_is_dropped_at_the_write_deadline() -> None:
    with started_live(DRAGOMAN_WRITE_TIMEOUT="1") as live:
        flood, mark = Flood(), uuid.uuid4().hex
        live.upstream.script(flood)
        client = Client(live, hello(stream=True), x_client_request_id=mark).head()
        assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1, 8)
        assert time.monotonic() - client.sent_at < 6
        assert row_of(live, mark)["status"] == "client_timeout"
        assert flood.written < 12 << 20  # what the kernel holds for four sockets' ends; of it, ours is under 1 MiB
        live.upstream.script(answer(openai_answer()))
        assert live.chat(hello()).status == 200
        assert '"level": "ERROR"' not in live.log()
        client.close()
