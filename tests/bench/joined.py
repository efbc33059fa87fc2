"""How far behind its leader a follower is: equal streamed calls at once, over two web workers.

    python -m tests.bench.joined [--rounds 40] [--clients 4]

Each round asks something new, all clients at once: so many of each worker, over connections that stay. Counted is, for
each chunk, how many ms later it reached a follower than the leader, in the leader's process and in the other one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import gevent
import psutil
from gevent import socket

from tests.bench import run
from tests.bench.load import payload, quantiles

MODEL = "openai/bench-n50-g20"
HELLO = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{run.PORT}\r\n\r\n".encode()


@dataclass
class Heard:
    """One client's answer: its head, and when each chunk came (seconds, monotonic). worker: whose it is."""

    worker: int
    head: bytes = b""
    at: list[float] = field(default_factory=list)


@dataclass
class Client:
    """A connection that one worker has accepted."""

    worker: int
    sock: Any

    def ask(self, request: bytes) -> Heard:
        found, tail = Heard(self.worker), b""
        self.sock.sendall(request)
        while not tail.endswith(b"0\r\n\r\n"):
            piece = self.sock.recv(262144)
            found.head = found.head or piece.partition(b"\r\n\r\n")[0].lower()
            found.at += [time.perf_counter()] * piece.count(b"data: {")
            tail = (tail + piece)[-16:]
            if not piece:
                raise SystemExit("a stream was cut")
        return found


def clients_of(worker: psutil.Process, others: list[psutil.Process], count: int) -> list[Client]:
    """Connections that this worker accepts, since no other one runs meanwhile."""
    for other in others:
        other.suspend()
    try:
        found = [Client(worker.pid, socket.create_connection(("127.0.0.1", run.PORT))) for _ in range(count)]
        for client in found:
            client.sock.sendall(HELLO)
            client.sock.recv(65536)
        return found
    finally:
        for other in others:
            other.resume()


def behind(clients: list[Client], request: bytes) -> dict[str, list[float]]:
    """One round: ms that each chunk came later to a follower."""
    jobs = [gevent.spawn(client.ask, request) for client in clients]
    gevent.joinall(jobs, raise_error=True)
    answers = [job.value for job in jobs]
    (leader,) = [one for one in answers if b"x-dragoman-cache: miss" in one.head]
    found: dict[str, list[float]] = {"the leader's process": [], "another process": []}
    for one in answers:
        if one is not leader:
            where = "the leader's process" if one.worker == leader.worker else "another process"
            found[where] += [(mine - its) * 1000 for mine, its in zip(one.at, leader.at, strict=True)]
    return found


def measured(clients: list[Client], options: argparse.Namespace) -> dict[str, list[float]]:
    start = int(time.time()) % 10**8 * 1000
    rounds = [behind(clients, payload(options, start + number)) for number in range(options.rounds)]
    return {where: [late for one in rounds for late in one[where]] for where in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--clients", type=int, default=4)
    given: dict[str, Any] = vars(parser.parse_args())
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dgm-joined-"))
        stack.enter_context(run.running([sys.executable, "-m", "tests.bench.upstream", str(run.UPSTREAM_PORT)]))
        command = [sys.executable, "manage.py", "serve", "--port", str(run.PORT), "--workers", "2"]
        server = stack.enter_context(run.running(command, env=run.environment(folder), stdout=subprocess.PIPE))
        key = run.first_key(server)
        url = f"http://127.0.0.1:{run.PORT}/v1"
        options = argparse.Namespace(url=url, key=key, model=MODEL, stream=True, same=False, **given)
        _, *workers = sorted(run.web_processes(server), key=lambda one: one.create_time())
        both = [(one, [other for other in workers if other is not one]) for one in workers]
        clients = [client for one, others in both for client in clients_of(one, others, options.clients)]
        for where, late in measured(clients, options).items():
            print(f"followers in {where}, ms behind their leader: {quantiles(late)} of {len(late)} chunks")


if __name__ == "__main__":
    main()
