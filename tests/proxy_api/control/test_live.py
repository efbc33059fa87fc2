"""/v1/admin/ on the running server: in a thread of its worker, behind the door, beside calls."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client import hello
from tests.live import Answer, Live

BACKENDS = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"


@pytest.fixture
def token(live: Live) -> str:
    return live.manage("issue_admin_key", "--name", "live", "--role", "admin")


def ask(live: Live, token: str, method: str, path: str, body: Any = None) -> Answer:
    return live.request(method, f"/v1/admin/{path}", body, {"authorization": f"Bearer {token}"})


def within_a_second(live: Live, token: str, status: int, path: str = "/v1/models") -> bool:
    """Whether a token gets `status` in time, and again and again: one worker may know it before the other."""
    deadline = time.monotonic() + 1
    while any(live.request("GET", path, headers={"authorization": f"Bearer {token}"}).status != status for _ in "abcd"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_key_is_made_used_and_revoked_over_the_wire(live: Live, token: str) -> None:
    made = ask(live, token, "POST", "keys", {"name": "over the wire"})
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    key = made.json()
    answer = live.chat(hello(), authorization=f"Bearer {key['token']}")
    assert answer.status == 200
    live.usage(answer.headers["x-request-id"])
    (call,) = ask(live, token, "GET", f"usage?key={key['id']}").json()["data"]
    assert (call["id"], call["status"]) == (answer.headers["x-request-id"], "ok")
    assert ask(live, token, "POST", f"keys/{key['id']}/revoke").status == 200
    assert within_a_second(live, key["token"], 401)


def test_a_revoked_admin_key_is_out_within_a_second(live: Live, token: str) -> None:
    other = ask(live, token, "POST", "admin_keys", {"name": "other", "role": "log_reader"}).json()
    assert ask(live, other["token"], "GET", "usage").status == 200
    assert ask(live, token, "POST", f"admin_keys/{other['id']}/revoke").status == 200
    assert within_a_second(live, other["token"], 401, "/v1/admin/usage")


def test_an_admin_key_calls_no_model_and_a_virtual_key_administers_nothing(live: Live, token: str) -> None:
    wrong = live.request("GET", "/v1/models", headers={"authorization": "Bearer dgm_x"})
    for answer in (live.chat(hello(), authorization=f"Bearer {token}"), ask(live, live.token, "GET", "keys")):
        assert (answer.status, answer.body) == (401, wrong.body)


def test_a_body_in_chunks_is_read(live: Live, token: str) -> None:
    data = json.dumps({"name": "in chunks"}).encode()
    head = (
        f"POST /v1/admin/keys/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port), timeout=5) as sock:
        sock.sendall(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
        out = b""
        while piece := sock.recv(65536):
            out += piece
    assert out.startswith(b"HTTP/1.1 201 ")


def test_many_at_once_are_answered_and_leave_no_connection_open(live: Live, token: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: ask(live, token, "POST", "projects", {"name": f"p{n}"}), range(16)))
    assert [answer.status for answer in answers] == [201] * 16
    assert live.upstream.wait_until(lambda: live.rows(BACKENDS)[0]["n"] <= 12, 20)  # some are closed after the answer


def recorded(number: int) -> dict[str, Any]:
    request = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "x" * 20_000}], "seed": number}
    said = {"index": 0, "message": {"role": "assistant", "content": f"Answer {number}"}, "finish_reason": "stop"}
    return {"endpoint": "chat/completions", "request": request, "answer": {"choices": [said]}}


def test_a_pipeline_loads_a_cassette_replays_it_and_takes_it_away(live: Live, token: str) -> None:
    project = ask(live, token, "POST", "projects", {"name": "pipeline", "cassette": "replay"}).json()["id"]
    key = ask(live, token, "POST", "keys", {"name": "pipeline", "project": project}).json()["token"]
    body = "\n".join(json.dumps(recorded(number)) for number in range(45)).encode()
    path = f"/v1/admin/completions/import?project={project}"
    sent = live.request("POST", path, body, {"authorization": f"Bearer {token}", "content-type": "application/jsonl"})
    assert sent.json() == {"imported": 45, "unchanged": 0, "dry_run": False}
    replayed = live.chat(recorded(7)["request"], authorization=f"Bearer {key}")
    assert (replayed.headers["x-bt-cached"], replayed.json()) == ("HIT", recorded(7)["answer"])
    out = ask(live, token, "GET", f"completions/export?project={project}&state=cassette")
    assert (out.headers["transfer-encoding"], out.headers["content-type"]) == ("chunked", "application/jsonl")
    lines = [json.loads(line) for line in out.body.splitlines()]
    assert sorted(line["request"]["seed"] for line in lines) == list(range(45))
    purged = ask(live, token, "POST", "completions/purge", {"project": project, "state": "cassette"}).json()
    assert purged["purged"] == 45
    assert live.chat(recorded(7)["request"], authorization=f"Bearer {key}").status == 504


def test_an_unknown_address_is_404_in_openais_shape(live: Live, token: str) -> None:
    answer = ask(live, token, "GET", "nothing")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "unknown_url")
