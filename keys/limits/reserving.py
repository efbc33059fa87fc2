"""A call's part in its limits: reserved before it is sent, settled once when it is over.

Each process has one desk and a thread that beats for it: from start(), else from its first limited call on.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keys import redis
from keys.limits.accounts import Limit, limits_of, valid_until
from keys.limits.desk import BEAT, Desk, Taken
from keys.limits.standing import Amounts, headers
from keys.limits.subjects import Subject

MOST_REMEMBERED = 4096
log = logging.getLogger("dragoman.keys")


class Estimate(NamedTuple):
    """What a call may use. usd_nano: None where no budget asks for it."""

    tokens: int
    usd_nano: int | None = None

    def amounts(self) -> Amounts:
        return {"requests": 1, "tokens": self.tokens, "usd": self.usd_nano or 0}


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one call holds. at: Unix ms."""

    desk: Desk
    taken: Taken
    at: int

    def settle(self, tokens: int, usd_nano: int, requests: int = 1) -> None:
        """The call is over: what it used replaces what was held. requests: 0 where it was never sent. Idempotent:
        the first word counts. Never raises."""
        self.desk.settle(self.taken, {"requests": requests, "tokens": tokens, "usd": usd_nano})

    def headers(self) -> dict[str, str]:
        """`x-ratelimit-*`, as it stood when the call was let in."""
        return headers(self.taken.standings, self.at)


def reserve(subjects: tuple[Subject, ...], instance: str, estimate: Estimate, now: float) -> Reservation:
    """Take a call's part of all limits of its subjects, or of none.

    instance: this process, as its usage records name it; now: Unix s, when the call came (that is where the ledger
    counts it). Raises LimitReached; LimitsAway where Redis does not answer, or the ledger that it is rebuilt from.
    """
    desk = desk_of(instance)
    return Reservation(desk, desk.take(limits_at(subjects, now), estimate.amounts(), now), int(now * 1000))


def reserve_uncounted(subjects: tuple[Subject, ...], instance: str, estimate: Estimate, now: float) -> Reservation:
    """Let a call in after LimitsAway: counted in this process, and told once Redis is back."""
    desk = desk_of(instance)
    return Reservation(desk, desk.take_uncounted(limits_at(subjects, now), estimate.amounts()), int(now * 1000))


# -- what a process remembers ------------------------------------------------------------------------------------------
class Remembered(NamedTuple):
    """An identity's limits, which hold while its subjects are the very same and no period has ended."""

    subjects: tuple[Subject, ...]
    limits: Sequence[Limit]
    since: float
    until: float


_remembered: dict[int, Remembered] = {}


def limits_at(subjects: tuple[Subject, ...], now: float) -> Sequence[Limit]:
    found = _remembered.get(id(subjects))
    if found is None or found.subjects is not subjects or not found.since <= now < found.until:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        limits = limits_of(subjects, now)
        found = _remembered[id(subjects)] = Remembered(subjects, limits, now, valid_until(limits))
    return found.limits


class Beating:
    """The process's desk and the thread that beats for it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="dragoman-limits")
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(3)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.desk.beat()
            except (redis.RedisAway, redis.ResponseError) as error:
                log.debug("no beat of limits: %s", type(error).__name__)  # the next one begins a new session
            except Exception as error:  # whatever it was: the next beat must come
                log.error("the limits' beat failed: %s", type(error).__name__)
            self._ended.wait(BEAT)


_beating: list[Beating] = []  # none or one
_starting = threading.Lock()


def desk_of(instance: str) -> Desk:
    """This process's desk; another where the process goes by another name now."""
    if _beating and _beating[0].desk.instance == instance:
        return _beating[0].desk
    with _starting:
        if not _beating or _beating[0].desk.instance != instance:
            stop()
            _beating.append(Beating(Desk(instance)))
        return _beating[0].desk


def start(instance: str) -> None:
    """Begin now what the first limited call would begin: with a new Redis that call would wait for the recovery."""
    desk_of(instance)


def stop() -> None:
    """End the beat and forget the desk; the next limited call begins anew."""
    while _beating:
        _beating.pop().end()


def _fresh_start() -> None:
    """A forked child has none of its parent's threads, and goes by another name."""
    global _starting
    _beating.clear()
    _starting = threading.Lock()


os.register_at_fork(after_in_child=_fresh_start)
