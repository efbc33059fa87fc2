"""A fake provider for benchmarks: OpenAI chat and Anthropic messages, plain and streamed, paced by the model's name.

    python -m tests.bench.upstream PORT

`bench-n200-g20-ID` streams 200 chunks, 20 ms apart; `bench-d500-ID` answers after 500 ms. One process, gevent, raw
sockets: it must cost less than what it measures.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import gevent
import orjson
from gevent.server import StreamServer

MODEL = re.compile(rb'"model":\s*"([^"]*)"')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
SPEC = re.compile(r"-([ndg])(\d+)")


def request(sock: Any, held: bytes) -> tuple[bytes, bytes, bytes]:
    """(head, body, rest) of the next request; an empty head where the client has gone."""
    while b"\r\n\r\n" not in held:
        piece = sock.recv(65536)
        if not piece:
            return b"", b"", b""
        held += piece
    head, _, body = held.partition(b"\r\n\r\n")
    length = int(found[1]) if (found := LENGTH.search(head)) else 0
    while len(body) < length:
        body += sock.recv(65536)
    return head, body[:length], body[length:]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def openai_piece(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "bench",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


USAGE = {"prompt_tokens": 40, "completion_tokens": 200, "total_tokens": 240}
PLAIN = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1760000000,
    "model": "bench",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "quick brown fox " * 40}, "finish_reason": "stop"}
    ],
    "usage": USAGE,
}
PLAIN_ANTHROPIC = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "claude-bench",
    "content": [{"type": "text", "text": "quick brown fox " * 40}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 40, "output_tokens": 200},
}


def openai_stream(count: int) -> list[bytes]:
    word = b"data: " + orjson.dumps(openai_piece({"content": "token "})) + b"\n\n"
    usage = {**openai_piece({}), "choices": [], "usage": USAGE}
    first = b"data: " + orjson.dumps(openai_piece({"role": "assistant", "content": ""})) + b"\n\n"
    last = b"data: " + orjson.dumps(openai_piece({}, "stop")) + b"\n\n"
    return [first, *[word] * count, last, b"data: " + orjson.dumps(usage) + b"\n\ndata: [DONE]\n\n"]


def anthropic_event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def anthropic_stream(count: int) -> list[bytes]:
    word = anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "token "})
    return [
        anthropic_event("message_start", message={**PLAIN_ANTHROPIC, "content": [], "stop_reason": None}),
        anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[word] * count,
        anthropic_event("content_block_stop", index=0),
        anthropic_event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 200}),
        anthropic_event("message_stop"),
    ]


def answer(sock: Any, anthropic: bool, body: bytes) -> None:
    model = found[1].decode() if (found := MODEL.search(body)) else ""
    spec = {letter: int(value) for letter, value in SPEC.findall(model)}
    gevent.sleep(spec.get("d", 0) / 1000)
    if b'"stream":true' not in body.replace(b" ", b""):
        data = orjson.dumps(PLAIN_ANTHROPIC if anthropic else PLAIN)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
        sock.sendall(head + data)
        return
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (anthropic_stream if anthropic else openai_stream)(spec.get("n", 200)):
        sock.sendall(chunk(piece))
        if spec.get("g"):
            gevent.sleep(spec["g"] / 1000)
    sock.sendall(b"0\r\n\r\n")


def serve_connection(sock: Any, address: Any) -> None:
    rest = b""
    try:
        while True:
            head, body, rest = request(sock, rest)
            if not head:
                return
            answer(sock, b"/messages" in head.partition(b"\r\n")[0], body)
    except OSError:
        return


if __name__ == "__main__":
    StreamServer(("127.0.0.1", int(sys.argv[1])), serve_connection, backlog=2048).serve_forever()
