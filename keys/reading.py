"""Reads of the database that may not wait for long: a deadline, and no second try for a second after a failure.

psycopg waits for a frozen server without end, and the statement's timeout is that server's own. So each read runs in a
thread of its own (a greenlet under gevent), which gives its connection back when it is done, and the caller leaves at
the deadline. One at a time finds out that a server is still frozen; all others are refused at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection
from django.db.utils import Error, OperationalError
from psycopg_pool import PoolTimeout

Row = TypeVar("Row")


class DatabaseAway(Exception):
    """The database did not answer in time, or refused."""


class _Answer(Generic[Row]):
    """What a reading thread leaves for its caller."""

    __slots__ = ("error", "ready", "rows")

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self.rows: list[Row] = []

    def read(self, query: Callable[[], Row]) -> None:
        try:
            self.rows.append(query())
        except Exception as error:  # raised again where the caller is
            self.error = error
        finally:
            connection.close()
            self.ready.set()


class Reader:
    """seconds: how long a read may take; most: how many run at once; rest: seconds without a try after a failure."""

    def __init__(self, seconds: float, most: int = 8, rest: float = 1.0) -> None:
        self._seconds = seconds
        self._places = threading.Semaphore(most)
        self._rest = rest
        self._away_until = 0.0

    def read(self, query: Callable[[], Row]) -> Row:
        """What `query` gives; DatabaseAway if it fails, is late, or something failed a moment ago.

        Inside a transaction the caller's own connection is asked: another one would not see its rows.
        """
        if connection.in_atomic_block:
            return query()
        self._check(time.monotonic())
        try:
            row = self._in_a_place(query)
        except (Error, TimeoutError) as error:
            drop_idle_after(error)
            self._away_until = time.monotonic() + self._rest
            raise DatabaseAway(f"the database is away: {type(error).__name__}") from None
        self._away_until = 0.0
        return row

    def _check(self, now: float) -> None:
        """After a failure nobody asks for a while; then one does, and the others wait for what it finds."""
        if now < self._away_until:
            raise DatabaseAway("the database has not answered lately")
        if self._away_until:
            self._away_until = now + self._seconds

    def _in_a_place(self, query: Callable[[], Row]) -> Row:
        if not self._places.acquire(timeout=self._seconds):
            raise DatabaseAway("too many reads at once")
        try:
            return self._in_time(query)
        finally:
            self._places.release()

    def _in_time(self, query: Callable[[], Row]) -> Row:
        answer = _Answer[Row]()
        threading.Thread(target=answer.read, args=(query,), daemon=True, name="dragoman-read").start()
        if not answer.ready.wait(self._seconds):
            raise TimeoutError
        if answer.error is not None:
            raise answer.error
        return answer.rows[0]


def drop_idle_after(error: Exception) -> None:
    """A connection that broke was not the only one: whatever the pool keeps would cost one more failed read each.

    Not after a wait that was too long: those connections may be in use by others.
    """
    pool = getattr(connection, "pool", None)
    if pool is not None and isinstance(error, OperationalError) and not isinstance(error.__cause__, PoolTimeout):
        pool.drain()


DATABASE = Reader(seconds=2.0)
