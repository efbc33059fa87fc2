"""Who runs a call, of all processes: whoever holds its lease in Redis. And who else would like to hear it.

A lease lives LEASE seconds and is renewed while its call runs. Its holder has an inbox in Redis, which one thread of
the process empties every few milliseconds while any call runs: other processes put the names there of calls that they
hear, twice a second. A call whose answer was kept leaves a mark behind for a while, for those who looked for the answer
before it was there and ask for the lease after.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple, Protocol

from cache_admin import spool
from keys import redis
from keys.limits import scripts

LEASE = 5.0  # seconds
MILLISECONDS = int(LEASE * 1000)
TICK = 0.015
LOOK_SECONDS = 0.25  # between two looks at who listens, and at what is to be renewed
INTEREST = 1.5  # seconds after which a process that has not asked again hears no more
MARKED = 3.0  # seconds that the mark of a kept answer stays
INBOX_MOST = 1000  # names taken out at once
INBOX_SECONDS = 10
_SOURCE = (Path(__file__).parent / "claim.lua").read_text()
CLAIM = scripts.Script(_SOURCE, sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest())
log = logging.getLogger("dragoman.api")


class Holder(NamedTuple):
    """Who runs a call. instance: the process; call: the id of the leader's call."""

    instance: str
    call: str


NOBODY = Holder("kept", "")  # the call is over, and its answer can be found


class Teller(Protocol):
    """Who tells other processes of a call (publishing.Publisher). Neither may wait."""

    def begin(self, lease: Lease) -> None: ...
    def lapse(self) -> None: ...


@dataclass(slots=True, eq=False)
class Lease:
    """One call's lease, or the wish for one. call: the leader's id; held: this process has it; teller: who runs the
    call, once somebody does; claimed, holder: what was found out with a look-up; epoch: how often what Redis knew of
    the call may have been lost."""

    name: str
    call: str
    held: bool = False
    teller: Teller | None = None
    claimed: bool = False
    holder: Holder | None = None
    renewed: float = 0.0
    asked_at: float | None = None
    epoch: int = 0

    def get(self, address: str) -> bytes | None:
        """What Redis has at `address`; where there is nothing the lease is taken along, in the same round trip. Raises
        RedisAway, ResponseError."""
        reply = scripts.ask(CLAIM, address, _address(self.name), self._value(), MILLISECONDS)
        if isinstance(reply, bytes):
            return reply
        self.claimed = True
        self.holder = holder_in(reply[1]) if reply[0] else None
        if reply[0] and self.holder is None:
            self._hold()
        return None

    def take(self) -> Holder | None:
        """Take it where nobody holds it, or nobody of this process leads yet who does; else who has it. None without
        Redis too: the call runs, unknown to other processes."""
        waiting = _keeper.leases.get(self.name)
        if waiting is not None and waiting.teller is None:
            self._adopt(waiting)
            return None
        if not self.claimed:
            self._ask()
        self.claimed = False
        return self.holder

    def _ask(self) -> None:
        self.holder = None
        if not redis.answering():
            return
        try:
            found = redis.command("SET", _address(self.name), self._value(), "NX", "GET", "PX", MILLISECONDS)
        except (redis.RedisAway, redis.ResponseError):
            return
        self.holder = holder_in(found)
        if self.holder is None:
            self._hold()

    def _adopt(self, waiting: Lease) -> None:
        waiting.held = False
        self.call, self.held, self.renewed = waiting.call, True, waiting.renewed
        _keeper.leases[self.name] = self

    def seize(self) -> None:
        """Take it although the mark of a kept answer is there: the answer itself is gone."""
        self._tell("SET", _address(self.name), self._value(), "PX", MILLISECONDS)
        self._hold()

    def release(self, kept: bool) -> None:
        """Let the next one have it. kept: the answer can be found, so nobody need ask for it. Idempotent."""
        if not self.held:
            return
        self.held = False
        _keeper.leases.pop(self.name, None)
        if time.monotonic() - self.renewed > LEASE / 2:
            return  # perhaps another's by now; ours runs out by itself
        if kept:
            _keeper.marks.append(("SET", _address(self.name), NOBODY.instance, "PX", int(MARKED * 1000)))
        else:
            self._tell("DEL", _address(self.name))

    def asked(self, now: float) -> None:
        if self.teller is None:
            return  # who asks will ask again
        first, self.asked_at = self.asked_at is None, now
        if first:
            self.teller.begin(self)

    def lapse(self, now: float) -> None:
        """See whether anybody still listens."""
        if self.teller is not None and self.asked_at is not None and now - self.asked_at > INTEREST:
            self.asked_at = None
            self.teller.lapse()

    def renewal(self, now: float) -> tuple[redis.Argument, ...] | None:
        """The command that lets it live on, once it is time. Where Redis forgot it, it is there again."""
        if now - self.renewed <= LEASE / 3:
            return None
        self.renewed = now
        if self.teller is None:  # whose look-up took it did not come to lead
            self.release(kept=False)
            return None
        if self.asked_at is not None and redis.command("EXISTS", _address(self.name)) == 0:
            self.epoch += 1
        return ("SET", _address(self.name), self._value(), "PX", MILLISECONDS)

    def _hold(self) -> None:
        self.held, self.renewed = True, time.monotonic()
        _keeper.keep(self)

    def _value(self) -> str:
        return f"{spool.own().instance} {self.call}"

    def _tell(self, *words: redis.Argument) -> None:
        try:
            redis.tell(*words)
        except redis.RedisAway:
            log.debug("a lease could not be told")


def holder_in(value: bytes | None) -> Holder | None:
    if value is None:
        return None
    instance, _, call = value.decode(errors="replace").partition(" ")
    return Holder(instance, call)


def holder_of(name: str) -> Holder | None:
    """Who runs the call now. Raises RedisAway."""
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
    """The leases of this process, and the thread that looks after them while there are any. marks: commands that leave
    the mark of a kept answer, sent together."""

    marks: list[tuple[redis.Argument, ...]] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    busy: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    losses: int = 0
    look_at: float = 0.0

    def keep(self, lease: Lease) -> None:
        self.leases[lease.name] = lease
        if not self.busy.is_set():
            self.busy.set()
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, daemon=True, name="dragoman-leases")
            self.thread.start()

    def run(self) -> None:
        while self.busy.wait():
            time.sleep(TICK)
            if not self.leases and not self.marks:
                self.busy.clear()
                continue
            try:
                self.tick(time.monotonic())
            except (redis.RedisAway, redis.ResponseError) as error:
                log.debug("leases were not looked after: %s", type(error).__name__)
            except Exception as error:  # whatever it was: the next tick must come
                log.error("looking after leases failed: %s", type(error).__name__)

    def tick(self, now: float) -> None:
        marks, self.marks = self.marks, []
        redis.tell_all(marks)
        if redis.losses() != self.losses:
            self.losses = redis.losses()
            for lease in tuple(self.leases.values()):
                lease.epoch += 1
        for name in redis.command("LPOP", _inbox(spool.own().instance), INBOX_MOST) or ():
            if (wanted := self.leases.get(name.decode())) is not None:
                wanted.asked(now)
        if now >= self.look_at:
            self.look_at = now + LOOK_SECONDS
            self.look(now)

    def look(self, now: float) -> None:
        leases = tuple(self.leases.values())
        for lease in leases:
            lease.lapse(now)
        redis.tell_all([words for lease in leases if (words := lease.renewal(now)) is not None])


_keeper = _Keeper()


def _fresh_start() -> None:
    """A forked child has none of its parent's threads, and runs none of its calls."""
    _keeper.__init__()  # type: ignore[misc]  # every module that has the keeper keeps it


os.register_at_fork(after_in_child=_fresh_start)
