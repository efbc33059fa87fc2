"""One exchange with a provider: the request written once, the answer as it comes, each wait under a deadline.

Invariants: a request is never written twice once it was whole on the wire (it may be billed); an exchange that did not
reach its marked end takes its connection with it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.errors import (
    GatewayError,
    ServerShutdown,
    UpstreamError,
    UpstreamIncomplete,
    UpstreamTimeout,
)
from proxy_api.transport_pool import Connection, Origin, Pool
from proxy_api.transport_watch import Watching
from proxy_api.transport_wire import (
    MAX_ANSWER_BYTES,
    REDIRECTS,
    Answer,
    Head,
    chunked,
    decoded,
    is_coded,
    refuse_odd_answer,
)
from proxy_api.upstream import Upload

_READ_SIZE = 64 << 10
_SLACK = 0.02  # seconds that a wait may be late: setting the timeout anew would cost 3 us for each chunk
QUIET = 0.05  # seconds of a call after which its client is looked after: most plain answers come sooner
_JOINED = 64 << 10  # a body up to this size goes out in one write with its head


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds, on the monotonic clock: connect (name, TCP and TLS), first_byte (from the request's last byte written
    to the last one of the answer's head), idle (no byte of the body), total, ping (how long silence stays unsaid)."""

    connect: float = 3.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0
    ping: float = 10.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How a request is sent: its deadlines, whose client waits for it, whether the address gate lets it pass, and
    whether it carries no key (UpstreamRequest.public)."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    watch: Watching | None = None
    trusted: bool = False
    public: bool = False


class Exchange:
    """One call under way: head(), then pieces() or body(), then close(), which is always due.

    sent: the request was written whole, so a failure may have been billed; delimited: the answer marks its end itself.
    A client that leaves while the connection is still being made is noticed once it stands (`connect` seconds at most).
    """

    __slots__ = (
        "_answer",
        "_by",
        "_connection",
        "_ended",
        "_hook",
        "_late",
        "_look_at",
        "_ping_at",
        "_pool",
        "_terms",
        "_timeout",
        "_total_at",
        "sent",
    )

    def __init__(self, pool: Pool, terms: Terms) -> None:
        self.sent = False
        self._pool = pool
        self._terms = terms
        self._answer = Answer()
        self._connection: Connection | None = None
        self._ended: GatewayError | None = None  # why it was ended from outside
        self._hook: Callable[[], None] | None = None
        self._timeout = -1.0  # what the socket's was set to for reading
        self._late = ""  # the outcome if `_by` passes; empty until the request is out
        self._look_at: float = 0  # when the loop begins to look after the client; 0: it does, or there is none
        self._total_at = time.monotonic() + terms.deadlines.total
        self._ping_at = self._by = self._total_at

    @property
    def delimited(self) -> bool:
        return self._answer.delimited

    # -- the request --------------------------------------------------------------------------------------------------
    def start(self, head: bytes, body: bytes | Upload, origin: Origin) -> None:
        """Connect and write. Raises UpstreamError, UpstreamTimeout (retryable: not sent whole), ClientGone; and what an
        upload's own pieces raise. An upload can be read once, so it gets a connection that is not old."""
        _UNDER_WAY.add(self)
        try:
            self._look_after_client()
            pooled = None if isinstance(body, Upload) else self._pool.take(origin)
            if not self._written_on(pooled, head, body):
                self._written_on(self._pool.open(origin, self._connect_by()), head, body)
            self._rest(self._terms.deadlines.first_byte, "timeout_first_byte")
        except BaseException:
            self.close()
            raise

    def _connect_by(self) -> float:
        return min(time.monotonic() + self._terms.deadlines.connect, self._total_at)

    def _look_after_client(self) -> None:
        watch = self._terms.watch
        if watch is not None:
            self._hook = watch.on_gone = self._lose_client
            self._look_at = 0 if watch.begun or not watch.driven else time.monotonic() + QUIET
            if watch.gone or (not watch.driven and watch.check()):
                raise watch.parting()

    def _begin_to_look(self) -> None:
        self._look_at = 0
        if self._terms.watch is not None:
            self._terms.watch.begin()

    def _lose_client(self) -> None:
        watch = self._terms.watch
        if watch is not None:
            self.end(watch.parting())

    def _written_on(self, connection: Connection | None, head: bytes, body: bytes | Upload) -> bool:
        """False where a pooled connection turned out to be dead before the request was whole on it."""
        if connection is None:
            return False
        self._connection = connection
        if self._ended is not None:
            raise self._ended
        try:
            self._write(connection, head, body)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not read the request in time.", retryable=True) from None
        except OSError:
            if self._ended is not None:
                raise self._ended from None
            if not connection.used:
                raise UpstreamError("The provider closed the connection during the request.", retryable=True) from None
            connection.close()
            return False
        return True

    def _write(self, connection: Connection, head: bytes, body: bytes | Upload) -> None:
        until = self._write_by()
        if isinstance(body, Upload):
            connection.write(head, until)
            self._write_pieces(connection, body)
        elif len(body) <= _JOINED:
            connection.write(head + body, until)
        else:
            connection.write(head, until)
            connection.write(body, until)
        self.sent = True

    def _write_by(self) -> float:
        return min(time.monotonic() + self._terms.deadlines.first_byte, self._total_at)

    def _write_pieces(self, connection: Connection, upload: Upload) -> None:
        """Each piece has its own deadline, for it may be the client that is slow. A provider that hangs up meanwhile
        has perhaps said why (RFC 9112, 9.6): the answer is looked for, and the connection not used again."""
        pieces = upload.pieces if upload.length is not None else chunked(upload.pieces)
        try:
            for piece in pieces:
                connection.write(piece, self._write_by())
                if self._ended is not None:
                    raise self._ended
        except (BrokenPipeError, ConnectionResetError):
            self._answer.spoilt = True

    # -- the answer ---------------------------------------------------------------------------------------------------
    def head(self) -> Head | None:
        """Status and headers; None after each `ping` seconds of silence (call again). Raises UpstreamTimeout,
        UpstreamError (not retryable: the request is out), ClientGone, ServerShutdown."""
        answer = self._answer
        while answer.head is None:
            data = self._received()
            if data is None:
                return None
            self._feed(data)
        if self._late == "timeout_first_byte":
            if not (self._terms.public and answer.head.status in REDIRECTS):
                self._guarded(refuse_odd_answer, answer.head)
            self._rest(self._terms.deadlines.idle, "timeout_idle")
        return answer.head

    def pieces(self, limit: int = MAX_ANSWER_BYTES) -> Iterator[bytes | None]:
        """The body as it comes, without its chunk framing and coding; None after each `ping` seconds of silence.

        Raises UpstreamIncomplete for every visible cut, UpstreamError over `limit` bytes, else as head() does.
        """
        while (head := self.head()) is None:
            yield None
        plain = self._plain_pieces()
        size = 0
        for piece in decoded(plain) if is_coded(head) else plain:
            if piece is not None:
                size += len(piece)
                if size > limit:
                    raise self._failed(_too_large())
            yield piece

    def body(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body, silences skipped. Raises UpstreamError over `limit` bytes, else as pieces() does."""
        found: list[bytes] = []
        size = 0
        for piece in self.pieces():
            if piece is not None:
                found.append(piece)
                size += len(piece)
                if size > limit:
                    raise self._failed(_too_large())
        return b"".join(found)

    def finish(self, seconds: float = 0.1) -> None:
        """The answer has said its last word: wait up to `seconds` for its marked end, so that close() can give the
        connection back. Whatever comes instead (silence, more data, a cut) is nobody's concern any more."""
        answer = self._answer
        self._by = self._ping_at = min(time.monotonic() + seconds, self._total_at)
        try:
            while not answer.complete:
                self._feed(self._received() or b"")
                answer.take()
        except GatewayError:
            pass

    def close(self) -> None:
        """Give the connection back if the answer was read to its end, else close it. Idempotent."""
        _UNDER_WAY.discard(self)
        watch = self._terms.watch
        if watch is not None and watch.on_gone is self._hook:
            watch.on_gone = None
        self._hook = None
        connection, self._connection = self._connection, None
        if connection is not None:
            if self.sent and self._ended is None and self._answer.reusable():
                self._pool.give(connection)
            else:
                connection.close()
        self._answer.release()

    def end(self, error: GatewayError) -> None:
        """End it from outside, from a thread or the event loop: whoever waits for it gets `error` at once."""
        self._ended = error
        connection = self._connection
        if connection is not None:
            connection.wake()

    # -- waiting ------------------------------------------------------------------------------------------------------
    def _plain_pieces(self) -> Iterator[bytes | None]:
        answer, idle = self._answer, self._terms.deadlines.idle
        while True:
            piece = answer.take()
            if piece:
                yield piece
                self._rest(idle, "timeout_idle")
            if answer.complete:
                return
            data = self._received()
            if data is None:
                yield None
            else:
                self._feed(data)

    def _rest(self, seconds: float, late: str) -> None:
        """A new silence begins: it may last `seconds`, and is said each `ping` seconds."""
        now = time.monotonic()
        self._by = min(now + seconds, self._total_at)
        self._ping_at = now + self._terms.deadlines.ping
        self._late = late

    def _received(self) -> bytes | None:
        """What came next, b"" for the end of the connection; None where `ping` seconds passed in silence."""
        while True:
            connection = self._connection
            if connection is None or self._ended is not None:
                raise self._failed(self._ended or UpstreamIncomplete("The call was closed before its end."))
            now = time.monotonic()
            if now >= self._by:
                raise self._failed(self._overdue(now))
            if now >= self._ping_at:
                self._ping_at = now + self._terms.deadlines.ping
                return None
            if self._look_at and now >= self._look_at:
                self._begin_to_look()
            data = self._waited(connection.sock, min(self._ping_at, self._by) - now)
            if data is not None and self._ended is None:
                return data

    def _waited(self, sock: socket.socket, seconds: float) -> bytes | None:
        watch = self._terms.watch
        try:
            if watch is not None and not watch.driven and not self._is_readable(watch, sock, seconds):
                return None
            if self._look_at:
                seconds = min(seconds, QUIET)
            if not 0 <= self._timeout - seconds < _SLACK:
                self._timeout = seconds
                sock.settimeout(seconds)
            return sock.recv(_READ_SIZE)
        except TimeoutError:
            return None
        except OSError:
            raise self._failed(self._ended or self._answer.cut()) from None

    def _is_readable(self, watch: Watching, sock: socket.socket, seconds: float) -> bool:
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = watch.wait(sock.fileno(), 0 if pending else seconds) or pending
        if watch.gone:
            self._ended = watch.parting()
        return ready

    def _feed(self, data: bytes) -> None:
        if data:
            self._guarded(self._answer.feed, data)
        elif not self._answer.ends_here():
            raise self._failed(self._answer.cut())

    def _guarded(self, step: Callable[[Any], None], argument: object) -> None:
        try:
            step(argument)
        except GatewayError as error:
            raise self._failed(error) from None

    def _overdue(self, now: float) -> UpstreamTimeout:
        outcome = "timeout_total" if now >= self._total_at else self._late
        return UpstreamTimeout("The provider did not answer in time.", outcome=outcome)

    def _failed(self, error: GatewayError) -> GatewayError:
        """An interrupted exchange takes its connection with it: the rest of its answer may still come."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        return error


_UNDER_WAY: set[Exchange] = set()


def shut_down() -> None:
    """Every exchange under way fails with ServerShutdown, those that wait at once."""
    for exchange in tuple(_UNDER_WAY):
        exchange.end(ServerShutdown("The server is shutting down."))


def in_flight() -> int:
    """Exchanges that were sent and not yet closed, in this process."""
    return len(_UNDER_WAY)


def _too_large() -> UpstreamError:
    return UpstreamError("The provider's answer is larger than the limit.")
