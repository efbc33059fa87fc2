"""A Redis that has been there for long, a ledger that a test fills, and as many processes as it wants."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from keys import redis
from keys.limits import ledger, reserving
from keys.limits.accounts import Account, limits_of
from keys.limits.desk import Desk, Taken, server
from keys.limits.reserving import Estimate
from keys.limits.standing import LimitReached
from keys.limits.subjects import Subject


@pytest.fixture(autouse=True)
def old_redis(empty_redis: None) -> Iterator[None]:
    """No recovery is under way."""
    redis.command("SET", "dgm:limits:epoch", f"1 {server()}")
    yield
    reserving.stop()


class Ledger:
    """What the ledger says of any account: {process: amount}."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.asked: list[Account] = []
        self.away: Exception | None = None

    def sums(self, account: Account, process: str) -> dict[str, int]:
        self.asked.append(account)
        if self.away:
            raise self.away
        return {name: amount for name, amount in self.used.items() if process in ("", name)}


@pytest.fixture
def books() -> Iterator[Ledger]:
    usual = list(ledger._registered)
    found = Ledger()
    ledger.register(found.sums)
    yield found
    ledger._registered[:] = usual


@pytest.fixture
def new_desk(books: Ledger) -> Callable[[], Desk]:
    """Another process."""
    return lambda: Desk(uuid.uuid4().hex, recovery=300)


def take(desk: Desk, *subjects: Subject, tokens: int = 100, usd: int = 0, now: float | None = None) -> Taken:
    now = time.time() if now is None else now
    return desk.take(limits_of(subjects, now), Estimate(tokens, usd).amounts(), now)


def used(tokens: int = 0, usd: int = 0, requests: int = 1) -> dict[str, int]:
    return {"requests": requests, "tokens": tokens, "usd": usd}


def admitted(desks: list[Desk], subject: Subject, calls: int, **asked: int) -> list[Taken]:
    """How many of `calls` at once, spread over the processes, are let in."""
    found: list[Taken] = []
    ready = threading.Barrier(calls)

    def call(desk: Desk) -> None:
        ready.wait()
        with suppress(LimitReached):
            found.append(take(desk, subject, **asked))

    threads = [threading.Thread(target=call, args=(desks[number % len(desks)],)) for number in range(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found
