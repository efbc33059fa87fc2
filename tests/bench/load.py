"""A load generator: N clients on kept-alive connections, plain or streamed, and what came back.

    python -m tests.bench.load URL KEY MODEL --clients 16 --requests 2000 [--stream] [--same]

Prints one JSON object: requests, failed, chunks, seconds, latencies in ms. `--same` sends one request again and again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import socket


@dataclass
class Tally:
    asked: Any
    failed: int = 0
    chunks: int = 0
    first: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)


def payload(options: argparse.Namespace, number: int) -> bytes:
    prompt = "the same prompt" if options.same else f"prompt {number:08d}"
    body = json.dumps(
        {
            "model": options.model,
            "temperature": 0,
            "max_tokens": 256,
            "stream": options.stream,
            "messages": [
                {"role": "system", "content": "You are a helpful assistant. " * 8},
                {"role": "user", "content": prompt + ". Tell me about the quick brown fox, please. " * 4},
            ],
        }
    ).encode()
    parts = urlsplit(options.url)
    head = (
        f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {options.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(sock: Any, tally: Tally, started: float) -> bool:
    """Read one answer; True where it is a complete 200."""
    data = sock.recv(262144)
    tally.first.append((time.perf_counter() - started) * 1000)
    head, _, body = data.partition(b"\r\n\r\n")
    good = head.startswith(b"HTTP/1.1 200")
    if b"chunked" in head:
        tail = body
        while not tail.endswith(b"0\r\n\r\n"):
            piece = sock.recv(262144)
            if not piece:
                return False
            tally.chunks += piece.count(b"data: {")
            tail = tail[-16:] + piece
            good = good and b'"error"' not in piece
        return good and b"[DONE]" in data + tail
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += sock.recv(262144)
    return good and b"choices" in body


def client(options: argparse.Namespace, tally: Tally) -> None:
    parts = urlsplit(options.url)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80))
    for number in tally.asked:
        started = time.perf_counter()
        sock.sendall(payload(options, number))
        if not read_answer(sock, tally, started):
            tally.failed += 1
            sock.close()
            sock = socket.create_connection((parts.hostname or "", parts.port or 80))
        tally.total.append((time.perf_counter() - started) * 1000)
    sock.close()


def quantiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    first = int(time.time() * 1000) % 10**8 * 100000
    tally = Tally(iter(itertools.islice(itertools.count(first), options.requests)))
    started = time.perf_counter()
    gevent.joinall([gevent.spawn(client, options, tally) for _ in range(options.clients)], raise_error=True)
    return {
        "requests": len(tally.total),
        "failed": tally.failed,
        "chunks": tally.chunks,
        "seconds": round(time.perf_counter() - started, 3),
        "first_ms": quantiles(tally.first),
        "total_ms": quantiles(tally.total),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("url", "key", "model"):
        parser.add_argument(name)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--same", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    print(json.dumps(run(arguments())))
