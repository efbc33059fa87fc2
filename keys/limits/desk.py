"""One process's part in the limits that all processes count together in Redis.

The process knows what it holds for calls under way and what it has settled for each account; Redis holds the same
beside what the others say. A session is the time between two moments at which the two might differ: it begins with a
script that says all of it anew, and is over when the connection was lost (what was told may not have come), when Redis
was emptied or is another server, and when the process did not beat for LIFE. The beat looks each second.

After an emptied Redis every process begins a session within a beat. Until RECOVERY has passed limited calls wait, so
that nobody is let in on what others have not said yet.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from keys import redis
from keys.limits import scripts
from keys.limits.accounts import Limit, account_named, countable
from keys.limits.rebuilding import rebuild
from keys.limits.standing import Amounts, LimitsAway, Standing, refusal
from keys.redis import Argument

BEAT = 1.0
LIFE = 15_000  # ms that a session outlives its last beat
RECOVERY = 2_500  # ms: two beats and a half
DAY = 86_400
MOST = 10**16  # of one call, whatever its provider says
TRIES = 6
LOST, MISSING = -1, -2
NOTHING: Amounts = {"requests": 0, "tokens": 0, "usd": 0}


class Session(NamedTuple):
    """number: of the process's sessions; prefix: of all names in its epoch; losses: of the connection before it began;
    ready_at: monotonic s at which limited calls may pass."""

    number: int
    prefix: str
    losses: int
    ready_at: float


@dataclass(slots=True, eq=False)
class Taken:
    """What a call has taken. standings: one of each limit; empty where it was let in uncounted."""

    limits: Sequence[Limit]
    amounts: Amounts
    standings: Sequence[Standing] = ()
    over: bool = False


@dataclass(slots=True, eq=False)
class Desk:
    """instance: the process's name, as the ledger's rows have it. recovery: ms. held, settled: by a limit's name."""

    instance: str
    recovery: int = RECOVERY
    held: dict[str, int] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    session: Session | None = None
    _number: int = 0
    _tidy_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # -- a call --------------------------------------------------------------------------------------------------------
    def take(self, limits: Sequence[Limit], amounts: Amounts, now: float) -> Taken:
        """Take a call's part of every limit. now: Unix s. Raises LimitReached, LimitsAway; then nothing is taken."""
        at = int(now * 1000)
        for turn in range(TRIES):
            try:
                session = self.present()
                reply = self._asked(session, limits, amounts, at)
            except (redis.RedisAway, redis.ResponseError) as error:
                if turn:
                    raise LimitsAway(f"limits cannot be counted: {type(error).__name__}") from None
                continue  # one reply that was late shall not refuse a call
            if reply[0] == LOST:
                self._leave(session)
            elif reply[0] == MISSING:
                rebuild(session.prefix, [name.decode() for name in reply[1:]], self.instance)
            else:
                standings = read(limits, reply)
                if not reply[0]:
                    raise refusal(standings, amounts, at)
                taken = Taken(limits, amounts, standings)
                if self._holds(session, taken):
                    return taken
        raise LimitsAway("the limits were lost again and again")

    def take_uncounted(self, limits: Sequence[Limit], amounts: Amounts) -> Taken:
        """Let a call in while Redis cannot count it: it is counted here, and said with the next session."""
        taken = Taken(limits, amounts)
        with self._lock:
            self.session = None
            self._hold(taken, 1)
        return taken

    def _asked(self, session: Session, limits: Sequence[Limit], amounts: Amounts, at: int) -> list[Any]:
        words: list[Argument] = [session.prefix, self.instance, session.number, at]
        for limit in limits:
            words += (limit.kind, limit.name, limit.most, amounts[limit.unit])
            words += (self.settled.get(limit.name, ""), life(limit, at / 1000))
        try:
            reply: list[Any] = scripts.ask(scripts.RESERVE, *words)
        except BaseException:
            # No reply in time, or the caller was killed while it waited: the script may have taken all the same. The
            # next session says what is held in truth.
            self._leave(session)
            raise
        return reply

    def _holds(self, session: Session, taken: Taken) -> bool:
        """Whether what was taken is ours: not where a session that knows nothing of it began meanwhile."""
        with self._lock:
            if self.session is not session:
                return False
            self._hold(taken, 1)
            for standing in taken.standings:
                if standing.limit.account is not None:
                    self.settled.setdefault(standing.limit.name, standing.counts[2])
            return True

    def _hold(self, taken: Taken, sign: int) -> None:
        for limit in taken.limits:
            if limit.kind != "window":
                name, amount = held_name(limit), taken.amounts[limit.unit]
                self.held[name] = self.held.get(name, 0) + sign * amount
                if not self.held[name]:
                    del self.held[name]

    def settle(self, taken: Taken, used: Amounts) -> None:
        """The call is over and has used this much. Nobody waits for Redis; a second time does nothing."""
        with self._lock:
            if taken.over:
                return
            taken.over = True
            self._hold(taken, -1)
            for limit in taken.limits:
                if limit.name in self.settled:  # else Redis was never reached: the ledger will tell
                    self.settled[limit.name] = countable(self.settled[limit.name] + min(MOST, max(0, used[limit.unit])))
            if self.session is not None:
                with suppress(redis.RedisAway):  # then the next session says it
                    words = self._last_words(taken, used)
                    scripts.tell(scripts.SETTLE, self.session.prefix, self.instance, self.session.number, *words)

    def _last_words(self, taken: Taken, used: Amounts) -> list[Argument]:
        words: list[Argument] = []
        starts = [standing.counts[0] for standing in taken.standings] or [0] * len(taken.limits)
        for limit, start in zip(taken.limits, starts, strict=True):
            amount = taken.amounts[limit.unit]
            if limit.kind == "budget":
                words += (limit.kind, limit.name, amount, self.settled.get(limit.name, ""), life(limit, time.time()))
            elif limit.kind == "gauge":
                words += (limit.kind, limit.name, amount, 0, 0)
            elif limit.unit == "tokens":
                words += (limit.kind, limit.name, start, min(MOST, used["tokens"]) - amount, 0)
        return words

    # -- sessions ------------------------------------------------------------------------------------------------------
    def present(self) -> Session:
        """The session, begun where there is none; during a recovery after a wait for its end. Raises as begin()."""
        session = self.session
        if session is None or session.losses != redis.losses():
            session = self.begin(session)
        pause = session.ready_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        return session

    def _leave(self, session: Session) -> None:
        with self._lock:
            if self.session is session:
                self.session = None

    def begin(self, stale: Session | None) -> Session:
        """A session in the place of `stale`, unless another caller has begun one. Raises redis.RedisAway,
        redis.ResponseError."""
        with self._lock:
            if self.session is not None and self.session is not stale:
                return self.session
            self.session = None
            losses = redis.losses()
            prefix, pause = self._say_all()
            self.session = Session(self._number, prefix.decode(), losses, time.monotonic() + pause / 1000)
            return self.session

    def _say_all(self) -> tuple[bytes, int]:
        self._number += 1
        words: list[Argument] = ["", self.instance, self._number, server(), LIFE, self.recovery]
        for name, amount in self.held.items():
            words += ("held", name, amount, 40 * DAY)
        for name, amount in self.settled.items():
            words += ("settled", name, amount, max(0, int(account_named(name).until - time.time())) + DAY)
        scripts.load(scripts.SETTLE)
        scripts.load(scripts.BEAT)
        prefix, pause = scripts.ask(scripts.BEGIN, *words)
        return prefix, pause

    def beat(self) -> None:
        """Say that this process lives. Raises redis.RedisAway, redis.ResponseError."""
        session = self.session
        if session is None or session.losses != redis.losses() or not self._goes_on(session):
            self.begin(session)
        self._forget_ended(time.time())

    def _goes_on(self, session: Session) -> bool:
        try:
            return bool(scripts.ask_loaded(scripts.BEAT, session.prefix, self.instance, session.number, LIFE))
        except NoScriptError:  # nor has the server the one that settles
            return False

    def _forget_ended(self, now: float) -> None:
        """Accounts of periods that ended a day ago."""
        if now < self._tidy_at:
            return
        self._tidy_at = now + DAY
        with self._lock:
            ended = [name for name in self.settled if account_named(name).until < now - DAY]
            for name in ended:
                del self.settled[name]


def read(limits: Iterable[Limit], reply: Sequence[int]) -> list[Standing]:
    parts = zip(limits, reply[1::4], reply[2::4], reply[3::4], reply[4::4], strict=True)
    return [Standing(limit, bool(fits), (a, b, c)) for limit, fits, a, b, c in parts]


def held_name(limit: Limit) -> str:
    return f"h:{limit.name}" if limit.account else limit.name


def life(limit: Limit, now: float) -> int:
    """Seconds that a budget's account is kept from now on: a day beyond its period. 0 where there is none."""
    return max(0, int(limit.account.until - now)) + DAY if limit.account else 0


def server() -> str:
    """Which run of which server this is: after a restart another one, whatever its snapshot has restored."""
    found = re.search(rb"run_id:(\w+)", redis.command("INFO", "server"))
    return found[1].decode() if found else ""
