"""What follows an answer's last word: waited for a moment, so that its connection serves the next call."""

from __future__ import annotations

import time

import pytest

from proxy_api.transport import send
from tests import loopback
from tests.loopback import Behaviour, Upstream, chunk, stream
from tests.proxy_api.calls import PATIENT, SOON, call, post

FRAMES = loopback.openai_stream("Hello")


def late_end(seconds: float) -> Behaviour:
    def end(call: loopback.Call) -> None:
        call.pause(seconds)
        call.write(b"0\r\n\r\n")

    return end


def chatter(call: loopback.Call) -> None:
    while True:
        call.write(chunk(b"data: {}\n\n"))
        call.pause(0.01)


def last_word_read(upstream: Upstream) -> float:
    """A call that is read up to [DONE] and finished there; the seconds that finish() took."""
    exchange = send(post(upstream.url), PATIENT)
    try:
        body = b""
        for piece in exchange.pieces():
            body += piece or b""
            if b"[DONE]" in body:
                break
        began = time.monotonic()
        exchange.finish()
        return time.monotonic() - began
    finally:
        exchange.close()


def test_a_terminal_chunk_that_follows_soon_keeps_the_connection() -> None:
    with Upstream() as upstream:
        upstream.script(stream(FRAMES, end=late_end(0.03)))
        assert last_word_read(upstream) < SOON
        call(upstream.url)
        assert (upstream.count, upstream.connections) == (2, 1)


@pytest.mark.parametrize(
    "end", [loopback.hang, chatter, loopback.reset, loopback.close], ids=["hang", "chatter", "reset", "close"]
)
def test_a_provider_that_does_not_end_is_left_after_a_tenth_of_a_second(end: Behaviour) -> None:
    with Upstream() as upstream:
        upstream.script(stream(FRAMES, end=end))
        assert last_word_read(upstream) < SOON
        upstream.script(loopback.answer(b"{}"))
        assert call(upstream.url) == b"{}"
        assert (upstream.count, upstream.connections) == (2, 2)
