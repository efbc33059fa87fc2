"""One running call of this process: what has come of it so far, and who listens.

Whoever wants the next piece and finds the seat free takes one step of the call's source; the others sleep until there
is something to hear. A step's piece goes to all, at each listener's own pace.
Invariant: what is held of a call is bounded by the longest answer that the transport takes (MAX_ANSWER_BYTES), however
many listen, and however slowly: each reads on from what is held once for all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import orjson

from keys.native import Lock
from keys.settled import settings
from proxy_api.chat import JSON
from proxy_api.errors import GatewayError, ServerShutdown
from proxy_api.joining.audience import Audience, Ear

Again = Literal["never", "once", "always"]
log = logging.getLogger("dragoman.api")
TOLD_AT_ONCE = 64  # pieces, to a listener that has fallen behind,
TOLD_BYTES = 256 << 10  # or so many of them as have this size
TAKEOVER_SECONDS = 1.0  # after so long a listener without frames looks whether whoever steps is held up


class Speaker(Protocol):
    """Who answers, as the ledger's entries have it."""

    provider: str
    model_served: str
    credential: str
    dropped: list[str]


@dataclass(slots=True)
class End:
    """How a call ended: with an answer (JSON in its endpoint's form), or with an error.

    again: whether a listener that was told nothing yet asks anew: `once` where the provider failed before its first
    event, `always` where it was nobody's failure but the leader's own."""

    answer: bytes = b""
    error: GatewayError | None = None
    again: Again = "never"
    _body: JSON = field(default=None, repr=False)

    @property
    def body(self) -> JSON:
        """The answer, read once for all listeners."""
        if self._body is None:
            self._body = orjson.loads(self.answer)
        return self._body


Source = Generator[bytes | None, None, End]


class Shared:
    """A running call. pieces: of a streamed call, each of whole frames, so far; speaker: who answers, once that is
    known; usage: the frames have the usage chunk that their leader asked for; end: once it is over.

    The seat is a list that holds one token while it is free, and steps counts what there may be to look at anew: taking
    from a list is one step for threads too, and a lock costs ten times as much for each chunk."""

    __slots__ = ("audience", "end", "name", "pieces", "seat", "source", "speaker", "steps", "usage")

    def __init__(self, name: str) -> None:
        self.name = name
        self.pieces: list[bytes] = []
        self.speaker: Speaker | None = None
        self.usage = False
        self.end: End | None = None
        self.audience = Audience()
        self.seat = [True]
        self.steps = 0
        self.source: Source | None = None

    def hear(self, ear: Ear) -> Source:
        """The pieces that `ear` has not been told, None for each ping's length of silence; then the end. Raises
        ClientGone where its own client is."""
        quiet_since = 0.0
        while True:
            seen = self.steps
            if ear.frames and ear.position < len(self.pieces):
                yield self._told(ear)
                quiet_since = 0.0
            elif self.end is not None:
                return self.end
            elif ear is not self.audience.leader and ear.gone:  # a leader stays for its record
                raise ear.parting()
            elif self._seated():
                piece = self._stepped()
                if piece is None:
                    if self.end is None:
                        yield None
                elif ear.frames and ear.position + 1 == len(self.pieces):
                    ear.position += 1
                    yield piece
                    quiet_since = 0.0
            else:
                quiet_since = quiet_since or time.monotonic()
                self._sleep(ear, seen)
                if time.monotonic() - quiet_since >= settings.DRAGOMAN_PING_INTERVAL:
                    quiet_since = 0.0
                    yield None

    def listen(self, ear: Ear) -> bool:
        """One more listener; False where it is over."""
        with _registry:
            if self.end is None:
                self.audience.join(ear)
        return self.end is None

    def leave(self, ear: Ear) -> None:
        """Listen no more. The last one to leave ends the call."""
        with _registry:
            self.audience.leave(ear)
            last = not self.audience.ears and self.end is None
            if last:
                self._forget()
        if last and self.source is not None:
            self.source.close()
        if self.end is None:
            self._wake(everybody=True)  # one of them may have to take the seat

    def _told(self, ear: Ear) -> bytes:
        found, size = [], 0
        for piece in self.pieces[ear.position : ear.position + TOLD_AT_ONCE]:
            found.append(piece)
            size += len(piece)
            if size >= TOLD_BYTES:
                break
        ear.position += len(found)
        return b"".join(found)

    def _seated(self) -> bool:
        try:
            return self.seat.pop()
        except IndexError:
            return False

    def _stepped(self) -> bytes | None:
        """Take one step, with the seat in hand; its piece, if any."""
        assert self.source is not None
        try:
            piece = next(self.source)
            if piece is not None:
                self.pieces.append(piece)
            return piece
        except StopIteration as ended:
            self._over(ended.value)
            return None
        except BaseException:  # killed where it stood
            self._over(End(error=ServerShutdown("The call was cut off."), again="always"))
            raise
        finally:
            self.steps += 1
            self.seat.append(True)
            if len(self.audience.ears) > 1 or self.end is not None:
                self._wake(everybody=self.end is not None)

    def _over(self, end: End) -> None:
        with _registry:
            self.end = end
            self._forget()

    def _forget(self) -> None:
        if _running.get(self.name) is self:
            del _running[self.name]

    def _sleep(self, ear: Ear, seen: int) -> None:
        """Until there is something to look at since `seen` steps."""
        gate = ear.gate()
        if self.steps == seen and not self.seat:
            gate.acquire(timeout=min(settings.DRAGOMAN_PING_INTERVAL, TAKEOVER_SECONDS))

    def _wake(self, *, everybody: bool) -> None:
        self.steps += 1
        for ear in tuple(self.audience.ears):
            if everybody or ear.frames:
                ear.wake()


class State:
    """draining: the server is going down, so no call begins anew; ended: what is left of them ends now."""

    draining = ended = False


_running: dict[str, Shared] = {}
_registry = Lock()  # nothing waits while it is held


def joined(name: str, ear: Ear, make: Callable[[Shared], Source]) -> Shared:
    """The running call of that name, with one more listener. make: the source of one that begins now."""
    with _registry:
        shared = _running.get(name)
        if shared is None:
            shared = _running[name] = Shared(name)
            shared.source = make(shared)
        shared.audience.join(ear)
    return shared


def drain() -> None:
    """From now on no call begins anew where its leader is lost."""
    State.draining = True


def shut_down() -> None:
    """What is heard from other processes ends; what is led here ends with its exchange."""
    State.ended = True
