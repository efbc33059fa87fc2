"""The faults of a provider as a table: what it does, and what must come of it, plain and streamed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests import loopback
from tests.bodies import anthropic_event, anthropic_stream, openai_answer, openai_chunk, openai_error, openai_stream
from tests.loopback import SSE, Behaviour, Call, answer, chunk, chunked_head, close, hang, head_of, reset, stream

FRAMES = openai_stream("Hello there, this is an answer")
START = FRAMES[:3]
HTML = "<html><body>Bad gateway</body></html>"
WIRE = loopback.wire_of(openai_answer())


class End(NamedTuple):
    """How a call ends. status: HTTP's; code: of the error object, "" for a good end; row: the usage record's status."""

    status: int
    code: str
    row: str


OK = End(200, "", "ok")
BROKEN = End(502, "upstream_unavailable", "upstream_error")
CUT = End(502, "upstream_incomplete", "incomplete")
LATE = End(504, "upstream_timeout", "timeout_first_byte")
IDLE = End(504, "upstream_timeout", "timeout_idle")
# The same once something was sent, if only a ping: the status is 200, the error is the last frame.
BROKEN_LATER, CUT_LATER, LATE_LATER, IDLE_LATER = (end._replace(status=200) for end in (BROKEN, CUT, LATE, IDLE))


@dataclass(frozen=True)
class Fault:
    """name: begins with the number of its row in the table of faults; ends by whether the call is streamed."""

    name: str
    behaviour: Behaviour
    plain: End | None = None
    streamed: End | None = None
    provider: str = "openai"
    calls: int = 1
    retry_after: str | None = None

    @property
    def model(self) -> str:
        return f"{self.provider}/{self.name}"


def whole(body: bytes, *headers: tuple[str, str], status: int = 200) -> Behaviour:
    return answer(body, status, headers)


def sse(*pieces: bytes, gap: float = 0.0) -> Behaviour:
    """Bytes of an event stream in pieces as given, each in a chunk of its own."""
    return stream(pieces, gap=gap)


def coded(coding: str, data: bytes, content_type: str = "application/json") -> Behaviour:
    return answer(data, 200, [("Content-Encoding", coding)], content_type)


def flood(frame: bytes, times: int) -> Behaviour:
    """`times` frames, and no end of it."""

    def behave(call: Call) -> None:
        call.write(chunked_head())
        block = chunk(frame * max(1, 65536 // len(frame)))
        for _ in range(max(1, times * len(frame) // 65536)):
            call.write(block)
        call.hang()

    return behave


def many_headers(count: int, size: int) -> Behaviour:
    return whole(openai_answer(), *((f"x-odd-{at}", "y" * size) for at in range(count)))


def refusal(status: int, *headers: tuple[str, str]) -> Behaviour:
    return answer(openai_error("No."), status, headers)


def limited(name: str, header: tuple[str, str], told: str | None) -> Fault:
    end = End(429, "rate_limit_exceeded", "rate_limited")
    return Fault(f"b13-{name}", refusal(429, header), end, end, retry_after=told)


def refused(status: int, end: End) -> Fault:
    return Fault(f"b14-{status}", refusal(status), end, end)


def both(name: str, behaviour: Behaviour, end: End) -> Fault:
    return Fault(name, behaviour, end, end)


def cr_only(frames: Sequence[bytes]) -> bytes:
    return b"".join(frames).replace(b"\n", b"\r")


WHOLE = b"".join(FRAMES)
ACCENTS = b"".join(openai_stream("na\u00efve \u65e5\u672c \U0001f600"))
ERROR_EVENT = b"data: " + openai_error("The server had an error", "server_error") + b"\n\n"
BOMB = gzip.compress(b" " * (64 << 20))

FAULTS = (
    Fault("b1-refused", hang, BROKEN, BROKEN, provider="groq", calls=0),
    both("b2-reset-before-headers", reset, BROKEN),
    both("b2-closed-before-headers", close, BROKEN),
    Fault(
        "b4-black-hole",
        hang,
        End(504, "upstream_timeout", "timeout_connect"),
        End(504, "upstream_timeout", "timeout_connect"),
        provider="together",
        calls=0,
    ),
    Fault("b5-hangs-before-headers", hang, LATE, LATE_LATER),
    Fault("b6-drips-headers", loopback.drip(WIRE, 0.1), LATE, LATE_LATER),
    Fault("b7-hangs-mid-stream", stream(START, end=hang), None, IDLE_LATER),
    Fault("b7-hangs-after-the-headers", loopback.raw(chunked_head(), end=hang), None, IDLE_LATER),
    Fault("b7-hangs-mid-body", loopback.raw(WIRE[:-50], end=hang), IDLE),
    Fault("b8-reset-mid-stream", stream(START, gap=0.02, end=reset), None, CUT_LATER),
    Fault("b8-no-terminal-chunk", stream(START, gap=0.02, end=close), None, CUT_LATER),
    Fault("b8-no-terminal-chunk-before-done", stream(FRAMES[:-1], end=close), None, CUT_LATER),
    Fault("b8-short-length", loopback.short_length(openai_answer()), CUT),
    Fault("b8-reset-mid-body", loopback.raw(WIRE[:-50], end=reset), CUT),
    Fault("b9-ends-early", sse(*START), None, CUT_LATER),
    Fault("b9-ends-without-done", sse(*FRAMES[:-1]), None, CUT_LATER),
    Fault("b9-ends-without-a-frame", sse(), None, CUT),
    Fault("b9-cut-until-close", loopback.until_close(b"".join(START)), None, CUT_LATER),
    Fault("b9-no-choices", whole(json.dumps({"id": "x", "object": "chat.completion"}).encode()), CUT),
    Fault("b9-no-finish-reason", whole(openai_answer(finish=None)), CUT),  # type: ignore[arg-type]
    Fault("b9-half-json", whole(openai_answer()[:-20]), BROKEN),
    Fault("b9-anthropic-ends-early", sse(*anthropic_stream()[:-1]), None, CUT_LATER, provider="anthropic"),
    Fault("b10-bad-json", sse(*START, b'data: {"choices": [\n\n'), None, BROKEN_LATER),
    Fault("b10-no-blank-line", sse(*FRAMES[:-1], b"data: [DONE]"), None, OK),
    Fault("b10-cr-only", sse(cr_only(FRAMES)), None, OK),
    Fault(
        "b10-crlf-split", sse(*(bytes([byte]) for byte in WHOLE[:400].replace(b"\n", b"\r\n")), WHOLE[400:]), None, OK
    ),
    Fault("b10-bom", sse(b"\xef\xbb\xbf" + WHOLE), None, OK),
    Fault("b10-data-without-colon", sse(b"data\n\n", *FRAMES), None, OK),
    Fault("b10-comments", sse(b": hi\n\n", *START, b":\n\n", *FRAMES[3:]), None, OK),
    Fault("b10-split-in-a-character", sse(*(ACCENTS[at : at + 7] for at in range(0, len(ACCENTS), 7))), None, OK),
    Fault("b10-error-event", sse(*START, b"event: error\n" + ERROR_EVENT), None, BROKEN_LATER),
    Fault(
        "b10-anthropic-error-event",
        sse(*anthropic_stream()[:4], anthropic_event("error", error={"type": "overloaded_error", "message": "Busy"})),
        None,
        BROKEN_LATER,
        provider="anthropic",
    ),
    both("b11-html", answer(HTML, content_type="text/html"), BROKEN),
    Fault("b11-html-as-a-stream", answer(HTML, content_type=SSE), None, CUT),
    Fault("b11-json-on-a-stream-request", whole(openai_answer()), None, OK),
    both("b12-error-object", whole(openai_error("The server had an error", "server_error")), BROKEN),
    Fault("b12-error-frame-first", sse(ERROR_EVENT), None, BROKEN),
    Fault("b12-error-frame-later", sse(*START, ERROR_EVENT), None, BROKEN_LATER),
    limited("seconds", ("Retry-After", "7"), "7"),
    limited("date", ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), None),
    limited("absurd", ("Retry-After", "86400"), "120"),
    limited("negative", ("Retry-After", "-5"), "1"),
    *(refused(status, BROKEN) for status in (500, 502)),
    *(refused(status, BROKEN._replace(status=503)) for status in (503, 529)),
    refused(504, End(504, "upstream_timeout", "upstream_error")),
    *(refused(status, End(502, "provider_auth", "upstream_error")) for status in (401, 403)),
    *(both(f"b14-{status}", refusal(status), BROKEN) for status in (204, 302, 307)),
    both("b14-101", loopback.raw(head_of(101, [("Upgrade", "h2c"), ("Connection", "Upgrade")]), end=hang), BROKEN),
    Fault("b15-gzip", coded("gzip", gzip.compress(openai_answer())), OK),
    Fault("b15-gzip-stream", coded("gzip", gzip.compress(WHOLE), SSE), None, OK),
    Fault("b15-deflate", coded("deflate", zlib.compress(openai_answer())), OK),
    Fault("b15-brotli", coded("br", b"\x0b\x02\x80hello\x03"), BROKEN, BROKEN),
    Fault("b15-truncated-gzip", coded("gzip", gzip.compress(openai_answer())[:-12]), CUT),
    Fault("b15-bomb", coded("gzip", BOMB), BROKEN),
    Fault("b15-bomb-stream", coded("gzip", BOMB, SSE), None, BROKEN),
    Fault("b16-huge-event", flood(b"x" * 65536, 64), None, BROKEN),
    Fault("b16-huge-event-later", sse(*START, b"data: " + b"x" * (2 << 20) + b"\n\n"), None, BROKEN_LATER),
    Fault("b16-tiny-events", flood(b":\n\n", 12 << 20), None, BROKEN),
    both("b16-huge-headers", many_headers(10, 100_000), BROKEN),
    both("b16-many-headers", many_headers(150, 10), BROKEN),
    Fault("b16-done-first", sse(b"data: [DONE]\n\n"), None, CUT),
    Fault("b16-done-early", sse(*START, b"data: [DONE]\n\n"), None, CUT_LATER),
    Fault("b16-data-after-done", sse(*FRAMES, *START, gap=0.01), None, OK),
    Fault("b16-hangs-after-done", stream(FRAMES, end=hang), None, OK),
    Fault("b16-anthropic-hangs-after-the-end", stream(anthropic_stream(), end=hang), None, OK, provider="anthropic"),
    Fault("b16-two-finish-reasons", sse(*FRAMES[:-2], openai_chunk({}, "stop"), *FRAMES[-2:]), None, OK),
)
