"""How one call's pieces become what a view sends: JSON once the answer is whole, or frames as they come.

A side is one client's end of a call: the call itself (flight.Flight) where it has no company, or a listener of one that
others may join (joining/listening.py). Invariant: the final record is written before the last bytes are sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson

from cache_admin.spool import SpoolUnavailable
from proxy_api import framing
from proxy_api.chat import JSON
from proxy_api.errors import ClientGone, GatewayError, error_object
from proxy_api.flight import Call, Plan
from proxy_api.forms import Form
from proxy_api.outgoing import answer_headers
from proxy_api.recording import Record
from proxy_api.relay import Facts
from proxy_api.transport import Watching

logger = logging.getLogger("dragoman.api")
Pieces = Generator[bytes | None]  # None: a silence


class Side(Protocol):
    """started: its client was told an event; facts: what is known of the answer; finish, fail: the record's end,
    idempotent; look: whether the client is still there, raises ClientGone; release: let go of it."""

    @property
    def call(self) -> Call: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def record(self) -> Record: ...
    @property
    def watch(self) -> Watching | None: ...
    @property
    def started(self) -> bool: ...
    @property
    def facts(self) -> Facts: ...
    def look(self) -> None: ...
    def finish(self) -> object: ...
    def fail(self, error: GatewayError) -> None: ...
    def release(self) -> None: ...


@dataclass(slots=True)
class Answer:
    """What a view sends: `body`, JSON or, where `events`, a whole stream of frames; or, where it is None, the frames as
    they come. `headers` are all of ours."""

    headers: dict[str, str]
    body: bytes | None = None
    frames: Frames | None = None
    status: int = 200
    events: bool = False


def ledger_unavailable() -> GatewayError:
    return GatewayError(
        "The usage log cannot be written, so nothing is sent to a provider.", status=503, code="usage_log_unavailable"
    )


def unforeseen() -> GatewayError:
    return GatewayError("The server had an error while processing your request.", code="internal_error")


def facts_in(form: Form, body: JSON) -> Facts:
    """What is known of a finished answer that somebody else asked for. body: in its endpoint's form."""
    return Facts(form.usage(body), list(form.judge(body).values()), model=body.get("model"), complete=True)


def plain(side: Side, source: Pieces) -> Answer:
    try:
        with closing(source) as pieces:
            body = b"".join([piece for piece in pieces if piece is not None])
        side.look()
        side.finish()
    finally:
        side.release()
    return Answer(answer_headers(side.record, side.plan.policy), body=body)


def streamed(side: Side, source: Pieces) -> Answer:
    """The first event, or the first silence, is in hand before a status is given: until then a failure is a status."""
    try:
        first = first_of(side, source)
    except BaseException:
        source.close()
        side.release()
        raise
    frames = Frames(relayed(side, first, source), partial(abandoned, side, source))
    return Answer(answer_headers(side.record, side.plan.policy), frames=frames)


def first_of(side: Side, source: Pieces) -> bytes | None:
    """The first piece, or silence; but where a stale answer can stand in, the first event, whatever it takes."""
    return next((piece for piece in source if side.started or side.plan.spare is None), None)


def abandoned(side: Side, source: Pieces) -> None:
    """The client left, perhaps before a single frame was read, when no generator's `finally` would run."""
    try:
        source.close()
        side.fail(side.watch.parting() if side.watch else ClientGone("The client left."))
    finally:
        side.release()


def relayed(side: Side, first: bytes | None, source: Pieces) -> Iterator[bytes]:
    """Frames to the client; on failure one error frame and no [DONE]; the final record before the last bytes."""
    with closing(source):
        try:
            yield framing.PING if first is None else first
            for piece in source:
                yield framing.PING if piece is None else piece
            side.look()
            side.finish()
        except GatewayError as error:
            side.fail(error)
            yield framing.sse(orjson.dumps(error_object(error)))
            return
        except SpoolUnavailable:
            yield framing.sse(orjson.dumps(error_object(ledger_unavailable())))
            return
        except Exception:
            logger.exception("unexpected failure in a stream")
            side.fail(unforeseen())
            yield framing.sse(orjson.dumps(error_object(unforeseen())))
            return
        if last := side.call.endpoint.form.last:
            yield last


class Frames:
    """The frames of one answer. Unlike a bare generator its close() does its work even where nothing was ever read."""

    __slots__ = ("abandon", "frames", "read")

    def __init__(self, frames: Iterator[bytes], abandon: Callable[[], None] | None = None) -> None:
        self.frames, self.abandon, self.read = frames, abandon, False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.read = True
        return next(self.frames)

    def close(self) -> None:
        """Close the upstream; a call that had no final record gets one (the client left). Idempotent."""
        close: Any = getattr(self.frames, "close", None)
        if close is not None:
            close()
        if self.abandon is not None:
            self.abandon()
