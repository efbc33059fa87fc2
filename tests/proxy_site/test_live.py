"""The live server: what only the real process shows."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from tests.live import Live
from tests.loopback import openai_stream, stream

HELLO: dict[str, Any] = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}


def raw(live: Live, data: bytes, seconds: float = 20) -> bytes:
    """Bytes in, bytes out, until the server closes or `seconds` pass without a byte."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=seconds) as sock:
        sock.sendall(data)
        out = b""
        try:
            while piece := sock.recv(65536):
                out += piece
        except TimeoutError:
            pass
        return out


def test_the_page_at_the_root_says_what_this_is(live: Live) -> None:
    answer = live.request("GET", "/")
    assert answer.status == 200
    assert f"curl http://127.0.0.1:{live.port}/v1/chat/completions" in answer.body.decode()
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert b"<script" not in answer.body


def test_the_api_reference_is_served_from_here(live: Live) -> None:
    page = live.request("GET", "/docs/").body.decode()
    assert "http://" not in page
    assert "https://" not in page
    document = live.request("GET", "/docs/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert "/v1/chat/completions" in document["paths"]
    assert live.request("GET", "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css").status == 200


def test_the_admin_asks_for_a_login(live: Live) -> None:
    assert live.request("GET", "/admin").headers["location"] == "/admin/"
    assert live.request("GET", "/admin/").headers["location"].startswith("/admin/login/")
    assert live.request("GET", "/admin/login/").status == 200


def test_nobodys_word_is_taken_for_where_a_request_came_to(live: Live) -> None:
    claims = b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\nSCRIPT_NAME: /v1\r\nPATH_INFO: /admin\r\n"
    out = raw(live, b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + claims + b"\r\n")
    assert out.startswith(b"HTTP/1.1 401 ")
    page = raw(live, b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + claims + b"\r\n")
    assert b"csrftoken" in page
    assert b"; Secure" not in page


def test_an_unknown_page_is_a_page_that_leads_on(live: Live) -> None:
    for path in ("/docs/nothing", "/static/nothing.css"):
        answer = live.request("GET", path)
        assert answer.status == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "There is no such page." in answer.body.decode()
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_browser_finds_the_icon(live: Live) -> None:
    place = live.request("GET", "/favicon.ico").headers["location"]
    icon = live.request("GET", place)
    assert (icon.status, icon.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1//chat/completions"])
def test_an_unknown_path_is_404_in_openais_shape(live: Live, path: str) -> None:
    answer = live.request("GET", path)
    assert answer.status == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_a_refused_request_ends_its_connection(live: Live) -> None:
    out = raw(live, b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, body = out.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "bad_host"


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x00\xa5\x01", b"\x00\xff", b"{}", b" GET / HTTP/1.1\r\n\r\n"])
def test_a_connection_that_does_not_speak_http_is_ended_at_once(live: Live, first: bytes) -> None:
    began = time.monotonic()
    assert raw(live, first).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - began < 1


def test_a_body_over_the_cap_is_413_and_the_answer_arrives_although_the_client_still_sends(live: Live) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as sock:
        sock.sendall(head)
        for _ in range(21):
            sock.sendall(b"x" * (1 << 20))
        assert sock.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_408(live: Live) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    began = time.monotonic()
    out = raw(live, head.encode() + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 6)
    assert out.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 10


def test_a_body_in_chunks_is_read(live: Live) -> None:
    data = json.dumps(HELLO).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    out = raw(live, head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
    assert out.startswith(b"HTTP/1.1 200 ")


def test_a_call_goes_through_and_leaves_its_row(live: Live) -> None:
    answer = live.chat(HELLO)
    assert answer.status == 200
    assert live.upstream.count == 1
    row = live.usage(answer.headers["x-request-id"])
    assert (row["status"], row["key_name"]) == ("ok", "live")


def test_the_server_listens_on_its_one_address_and_nowhere_else(live: Live) -> None:
    master = psutil.Process(live.server.pid)
    found = {
        (connection.laddr.ip, connection.laddr.port) if connection.family != socket.AF_UNIX else connection.laddr
        for process in [master, *master.children(recursive=True)]
        for connection in process.net_connections(kind="all")
        if connection.status == psutil.CONN_LISTEN
    }
    assert found == {("127.0.0.1", live.port)}


def test_many_streams_at_once_hold_no_connection_to_the_database(live: Live) -> None:
    live.upstream.script(stream(openai_stream("Hello there"), gap=0.2))
    with ThreadPoolExecutor(40) as pool:
        calls = [pool.submit(live.chat, {**HELLO, "stream": True}) for _ in range(40)]
        time.sleep(0.6)
        backends = live.rows("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()")
        assert backends[0]["n"] <= 22  # a pool of ten in each worker, the console, and this look
        assert all(call.result().body.endswith(b"data: [DONE]\n\n") for call in calls)
