"""Who runs a call, of all processes: whoever holds its lease in Redis. And who else would like to hear it.

A lease lives LEASE seconds and is renewed while its call runs. Its holder has an inbox in Redis, which one thread of
the process empties every few milliseconds while any call runs: other processes put the names there of calls that they
hear, twice a second.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple, Protocol

from cache_admin import spool
from keys import redis
from keys.limits import scripts

LEASE = 3.0  # seconds
MILLISECONDS = int(LEASE * 1000)
TICK = 0.015
LOOK_SECONDS = 0.25  # between two looks at who listens, and at what is to be renewed
INTEREST = 1.5  # seconds after which a process that has not asked again hears no more
INBOX_MOST = 1000  # names taken out at once
INBOX_SECONDS = 10
_SOURCE = (Path(__file__).parent / "claim.lua").read_text()
CLAIM = scripts.Script(_SOURCE, sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest())
log = logging.getLogger("dragoman.api")
Command = tuple[redis.Argument, ...]


class Holder(NamedTuple):
    """Who runs a call. instance: the process; call: the id of the leader's call."""

    instance: str
    call: str


class Teller(Protocol):
    """Who tells other processes of a call (publishing.Publisher). Neither may wait."""

    def begin(self) -> None: ...
    def lapse(self) -> None: ...


@dataclass(slots=True, eq=False)
class Lease:
    """One call's lease, or the wish for one. call: the leader's id; held: this process has it; teller: who tells of
    the call, once somebody runs it; claimed, holder: what the look-up found out; late: it was asked for after the
    look-up, so an answer may have been kept in between; epoch: how often what Redis knew of the call may be lost."""

    name: str
    call: str
    held: bool = False
    teller: Teller | None = None
    holder: Holder | None = None
    late: bool = False
    renewed: float = 0.0
    asked_at: float | None = None
    epoch: int = 0

    def get(self, address: str) -> bytes | None:
        """What Redis has at `address`; where there is nothing the lease is taken along, in the same round trip. Raises
        RedisAway, ResponseError."""
        reply = scripts.ask(CLAIM, address, _address(self.name), self._value(), MILLISECONDS)
        if isinstance(reply, bytes):
            return reply
        if reply[0]:
            self._found(reply[1])
        return None

    def take(self) -> Holder | None:
        """Take it where nobody holds it, or nobody of this process leads yet who does; else who has it. None without
        Redis too: the call runs, unknown to other processes."""
        waiting = _keeper.leases.get(self.name)
        if waiting is not None and waiting.teller is None:
            self._adopt(waiting)
            return None
        if not self.held and self.holder is None and redis.answering():
            self._ask()
        holder, self.holder = self.holder, None
        return holder

    def doubt(self) -> None:
        """What the look-up found out may no longer hold: it is asked for anew."""
        self.holder = None

    def release(self, *more: Command) -> None:
        """Let the next one have it; more: what Redis is told in the same go, after that. Idempotent."""
        if self._let_go():
            more = (("DEL", _address(self.name)), *more)
        with suppress(redis.RedisAway):
            redis.tell_all(more)

    def forget(self) -> None:
        """The same where the answer is kept, so that nobody need ask for the lease: soon, with others. Idempotent."""
        if self._let_go():
            _keeper.forget(_address(self.name))

    def asked(self, now: float) -> None:
        if self.teller is None:
            return  # who asks will ask again
        first, self.asked_at = self.asked_at is None, now
        if first:
            self.teller.begin()

    def lapse(self, now: float) -> None:
        """See whether anybody still listens."""
        if self.teller is not None and self.asked_at is not None and now - self.asked_at > INTEREST:
            self.asked_at = None
            self.teller.lapse()

    def lost(self) -> None:
        """Redis has forgotten it, and what it was told of the call."""
        self.epoch += 1
        self.renewed = 0.0

    def renewal(self, now: float) -> Command | None:
        """The command that lets it live on, once it is time."""
        if now - self.renewed <= LEASE / 3:
            return None
        if self.teller is None:  # whose look-up took it did not come to lead
            self.release()
            return None
        self.renewed = now
        return ("SET", _address(self.name), self._value(), "PX", MILLISECONDS)

    def _ask(self) -> None:
        try:
            found = redis.command("SET", _address(self.name), self._value(), "NX", "GET", "PX", MILLISECONDS)
        except (redis.RedisAway, redis.ResponseError):
            return
        self.late = True
        self._found(found)

    def _found(self, value: bytes | None) -> None:
        """It is ours where there was nothing, else whose value says so."""
        self.holder = holder_in(value)
        if self.holder is None:
            self.held, self.renewed = True, time.monotonic()
            _keeper.keep(self)

    def _adopt(self, waiting: Lease) -> None:
        waiting.held = False
        self.call, self.held, self.renewed = waiting.call, True, waiting.renewed
        _keeper.leases[self.name] = self

    def _let_go(self) -> bool:
        """Whether it is to be taken out of Redis: not where it may be another's by now, and ours runs out by itself."""
        self.teller = None  # it knows this lease
        if not self.held:
            return False
        self.held = False
        _keeper.leases.pop(self.name, None)
        return time.monotonic() - self.renewed < LEASE * 0.75

    def _value(self) -> str:
        return f"{spool.own().instance} {self.call}"


def holder_in(value: bytes | None) -> Holder | None:
    if value is None:
        return None
    instance, _, call = value.decode(errors="replace").partition(" ")
    return Holder(instance, call)


def holder_of(name: str) -> Holder | None:
    """Who runs the call now. Raises RedisAway, ResponseError."""
    return holder_in(redis.command("GET", _address(name)))


def ask(name: str, holder: Holder) -> None:
    """Tell the holder that this process would like to hear its call. Raises RedisAway."""
    inbox = _inbox(holder.instance)
    redis.tell_all([("RPUSH", inbox, name), ("EXPIRE", inbox, INBOX_SECONDS)])


def _address(name: str) -> str:
    return f"j:{name}"


def _inbox(instance: str) -> str:
    return f"ji:{instance}"


@dataclass(slots=True)
class _Keeper:
    """The leases of this process, and the thread that looks after them while there are any. over: addresses of those
    whose answer is kept, taken out of Redis together."""

    over: list[redis.Argument] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    busy: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    losses: int = 0
    look_at: float = 0.0

    def keep(self, lease: Lease) -> None:
        self.leases[lease.name] = lease
        self.wake()
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, daemon=True, name="dragoman-leases")
            self.thread.start()

    def forget(self, address: str) -> None:
        self.over.append(address)
        self.wake()

    def wake(self) -> None:
        if not self.busy.is_set():
            self.busy.set()

    def run(self) -> None:
        while self.busy.wait():
            time.sleep(TICK)
            self.busy.clear()  # first: whoever comes meanwhile sets it again
            if self.leases or self.over:
                self.busy.set()
            try:
                self.tick(time.monotonic())
            except (redis.RedisAway, redis.ResponseError) as error:
                log.debug("leases were not looked after: %s", type(error).__name__)
            except Exception as error:  # whatever it was: the next tick must come
                log.error("looking after leases failed: %s", type(error).__name__)

    def tick(self, now: float) -> None:
        over, self.over = self.over, []
        if over:
            redis.tell("DEL", *over)
        if redis.losses() != self.losses:
            self.losses = redis.losses()
            for lease in self.all():
                lease.lost()
        for name in redis.command("LPOP", _inbox(spool.own().instance), INBOX_MOST) or ():
            if (wanted := self.leases.get(name.decode())) is not None:
                wanted.asked(now)
        if now >= self.look_at:
            self.look_at = now + LOOK_SECONDS
            self.look(now)

    def look(self, now: float) -> None:
        leases = self.all()
        for lease in leases:
            lease.lapse(now)
        told = [lease for lease in leases if lease.asked_at is not None]
        if told:
            found = redis.command("MGET", *[_address(lease.name) for lease in told])
            for lease in (lease for lease, value in zip(told, found, strict=True) if value is None):
                lease.lost()
        redis.tell_all([words for lease in leases if (words := lease.renewal(now)) is not None])

    def all(self) -> tuple[Lease, ...]:
        return tuple(self.leases.values())


_keeper = _Keeper()


def _fresh_start() -> None:
    """A forked child has none of its parent's threads, and runs none of its calls."""
    _keeper.__init__()  # type: ignore[misc]  # every module that has the keeper keeps it


os.register_at_fork(after_in_child=_fresh_start)
