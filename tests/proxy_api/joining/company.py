"""Equal calls at the same time, as the tests of joined calls make, place and read them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proxy_api.dialects.openai_chat import fold
from tests.client import Client, hello
from tests.live import Live
from tests.loopback import Behaviour, Call, answer, chunk, chunked_head, openai_answer, openai_stream, stream, wire_of
from tests.proxy_api.asking import payloads

MODEL = "joined-model"
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
TEXT = "Hello there, this is an answer that comes word by word"
FRAMES = openai_stream(TEXT)
BROKEN = answer({"error": {"message": "out of order", "type": "server_error"}}, status=500)
PLACED = {"joined", "hit"}  # what a call is that comes while an equal one runs, or just after it

PROJECT = """
from keys.models import Project
result = str(Project.objects.get_or_create(name="joined")[0].pk)
"""


def question(**fields: Any) -> dict[str, Any]:
    """A cacheable request that nobody has made before."""
    return hello(f"openai/{MODEL}", temperature=0, user=uuid.uuid4().hex, **fields)


# -- what the provider does ------------------------------------------------------------------------------------------
def answering(call: Call, gap: float = 0.03, lead: float = 0.3) -> None:
    """As the request asks, streamed or not."""
    if call.received.json().get("stream"):
        stream(FRAMES, gap=gap, lead=lead)(call)
    else:
        call.pause(lead)
        call.write(wire_of(openai_answer(TEXT)))


def held(go: threading.Event, first: int = 0, frames: Sequence[bytes] = FRAMES) -> Behaviour:
    """As the request asks, but after `first` frames only once it is told to go on."""

    def behave(call: Call) -> None:
        streams = call.received.json().get("stream")
        if streams:
            call.write(chunked_head() + b"".join(map(chunk, frames[:first])))
        while not go.is_set():
            call.pause(0.02)
        if streams:
            call.write(b"".join(map(chunk, frames[first:])) + b"0\r\n\r\n")
        else:
            call.write(wire_of(openai_answer(TEXT)))

    return behave


def late(behaviour: Behaviour, seconds: float = 0.5) -> Behaviour:
    def behave(call: Call) -> None:
        call.pause(seconds)
        behaviour(call)

    return behave


# -- who asks ----------------------------------------------------------------------------------------------------------
def asked(live: Live, bodies: Sequence[dict[str, Any]], **headers: str) -> list[Client]:
    """All of them on their way; their answers are still to be read."""
    return [Client(live, body, **headers) for body in bodies]


def read(clients: Sequence[Client]) -> list[Client]:
    """The same, their answers read to the end: what comes meanwhile waits in their sockets."""
    return [client.rest() for client in clients]


def led(live: Live, body: dict[str, Any], **headers: str) -> Client:
    """One call that has reached the provider."""
    before = live.upstream.count
    client = Client(live, body, **headers)
    assert live.upstream.wait_until(lambda: live.upstream.count > before, 10)
    return client


# -- which process it is -----------------------------------------------------------------------------------------------
def workers(live: Live, seconds: float = 10) -> list[int]:
    """The two web processes. One that died is followed by another."""
    deadline = time.monotonic() + seconds
    while len(found := [one for one in children(live) if state(one) not in "ZX"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def children(live: Live) -> list[int]:
    master = live.server.pid
    return [int(one) for one in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def state(process: int) -> str:
    """Its letter (proc(5)); X: it is no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


@contextmanager
def only(live: Live, worker: int) -> Iterator[None]:
    """No other worker runs for the length of a block."""
    others = [one for one in workers(live) if one != worker]
    for one in others:
        os.kill(one, signal.SIGSTOP)
        wait_for(lambda pid=one: state(pid) == "T")
    try:
        yield
    finally:
        for one in others:
            os.kill(one, signal.SIGCONT)


def at(live: Live, worker: int, bodies: Sequence[dict[str, Any]], **headers: str) -> list[Client]:
    """As asked(), of this worker: no other one was there to accept the connections."""
    with only(live, worker):
        clients = asked(live, bodies, **headers)
        ports = {client._connection.sock.getsockname()[1] for client in clients}
        wait_for(lambda: ports <= accepted(live))
    return clients


def accepted(live: Live) -> set[int]:
    """The ports of clients whose connections a worker has accepted (proc(5): until then they have no inode)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if int(row[1].rpartition(":")[2], 16) == live.port and row[9] != "0"]
    return {int(row[2].rpartition(":")[2], 16) for row in ours}


def wait_for(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# -- what came of it ---------------------------------------------------------------------------------------------------
def whole(client: Client) -> dict[str, Any]:
    """The finished answer, however it came."""
    assert client.status == 200, client.body[:400]
    if client.headers["content-type"] == "application/json":
        found: dict[str, Any] = json.loads(client.body)
        return found
    assert client.done, client.body[-400:]
    return fold([text.encode() for text in payloads(client.body)])


def collected(client: Client) -> dict[str, Any]:
    """Its id, words, finish reason and usage."""
    answer = whole(client)
    choice = answer["choices"][0]
    return {
        "id": answer["id"],
        "said": choice["message"]["content"],
        "finish": choice["finish_reason"],
        "usage": answer.get("usage"),
    }


def said(clients: Sequence[Client]) -> set[str]:
    """What they were told, in whole answers."""
    return {collected(client)["said"] for client in clients}


def rows_of(live: Live, clients: Sequence[Client], seconds: float = 10) -> list[dict[str, Any]]:
    """The final usage rows of these calls, in their order."""
    ids, deadline = [client.id for client in clients], time.monotonic() + seconds
    while True:
        live.manage("ship_usage")
        sql = "SELECT * FROM cache_admin_usagerecord WHERE id = ANY(%s::uuid[]) AND status <> 'open'"
        found = {str(row["id"]): row for row in live.rows(sql, ids)}
        if len(found) == len(ids):
            return [found[one] for one in ids]
        assert time.monotonic() < deadline, f"{len(found)} of {len(ids)} rows"
        time.sleep(0.1)
