"""The table behind Redis, read on the request path: one row by primary key, under a deadline and a breaker of its own.

Django's connections belong to one thread or greenlet each, and opening one per look-up costs more than the look-up. So
SQLite is read through one connection of the process, opened read-only (a WAL reader waits for no writer), and
PostgreSQL through a connection lent by Django's pool for as long as one query takes.
"""

from __future__ import annotations

import os
import select
import sqlite3
import struct
import time
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg_pool
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import pq
from psycopg.errors import Error as PostgresError

DEADLINE_SECONDS = 0.05
FAILURES_TO_OPEN = 3
PAUSE_SECONDS = 1.0
_ON_SQLITE = (
    "SELECT answer_sealed, strftime('%s', expires_at) + 0.0 FROM cache_admin_storedcompletion"
    " WHERE digest = ? AND strftime('%s', expires_at) + 0 > ?"
)
_ON_POSTGRES = (
    b"SELECT answer_sealed, extract(epoch FROM expires_at)::float8 FROM cache_admin_storedcompletion"
    b" WHERE digest = $1 AND expires_at > to_timestamp($2)"
)


class Row(NamedTuple):
    """What the look-up reads of a row. expires_at: Unix seconds, on SQLite whole ones."""

    answer_sealed: bytes
    expires_at: float


class TableAway(Exception):
    """The table did not answer in time, or has not for a while: a miss."""


class _Breaker:
    """After three failures in a row nobody asks for a second; then one caller tries, and the pause begins anew."""

    __slots__ = ("failures", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0

    def check(self) -> None:
        if self.failures < FAILURES_TO_OPEN:
            return
        if time.monotonic() < self.until:
            raise TableAway("the table has not answered lately")
        self.until = time.monotonic() + PAUSE_SECONDS

    def failed(self) -> None:
        self.failures += 1
        self.until = time.monotonic() + PAUSE_SECONDS


_breaker = _Breaker()
_sqlite: dict[str, sqlite3.Connection] = {}
_inherited: list[dict[str, sqlite3.Connection]] = []


def _set_inherited_aside() -> None:
    """A forked child must not use its parent's connections, nor close them: so they are kept, and never touched.

    https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_
    """
    _inherited.append(dict(_sqlite))
    _sqlite.clear()


os.register_at_fork(after_in_child=_set_inherited_aside)


def row_of(digest: str, since: float) -> Row | None:
    """The row under `digest` (hex), if it expires after `since` (Unix s). Raises TableAway."""
    _breaker.check()
    try:
        found = _on_postgres(digest, since) if _database().vendor == "postgresql" else _on_sqlite(digest, since)
    except (sqlite3.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed, PostgresError, TimeoutError) as error:
        _breaker.failed()
        raise TableAway(type(error).__name__) from None
    _breaker.failures = 0
    return found


@lru_cache(maxsize=1)
def _database() -> BaseDatabaseWrapper:
    """The first caller's wrapper, for its facts alone (vendor, settings, pool: all shared). Asking Django anew would
    build a wrapper for each greenlet; nothing here ever connects through it."""
    return connections[DEFAULT_DB_ALIAS]


def _on_sqlite(digest: str, since: float) -> Row | None:
    row = _reader(str(_database().settings_dict["NAME"])).execute(_ON_SQLITE, (digest, since)).fetchone()
    return None if row is None else Row(*row)


def _reader(name: str) -> sqlite3.Connection:
    reader = _sqlite.get(name)
    if reader is None:
        address = name if name.startswith("file:") else f"file:{name}?mode=ro"
        reader = sqlite3.connect(
            address, uri=True, timeout=DEADLINE_SECONDS, isolation_level=None, check_same_thread=False
        )
        _sqlite[name] = reader
    return reader


def _on_postgres(digest: str, since: float) -> Row | None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    pool: Any = _database().pool  # type: ignore[attr-defined]
    pool.open()
    lent = pool.getconn(timeout=DEADLINE_SECONDS)
    try:
        return _asked(lent.pgconn, [digest.encode(), repr(since).encode()], deadline)
    except BaseException:
        lent.close()  # an answer may still come: whoever had this connection next would read it as theirs
        raise
    finally:
        pool.putconn(lent)


def _asked(server: pq.abc.PGconn, parameters: list[bytes], deadline: float) -> Row | None:
    """One query over a lent connection in libpq's non-blocking way, because psycopg's own has no deadline.

    https://www.postgresql.org/docs/current/libpq-async.html
    """
    server.send_query_params(_ON_POSTGRES, parameters, result_format=pq.Format.BINARY)
    while server.flush():
        _wait(server.socket, select.POLLOUT, deadline)
    results: list[pq.abc.PGresult] = []
    while True:
        while server.is_busy():
            _wait(server.socket, select.POLLIN, deadline)
            server.consume_input()
        result = server.get_result()
        if result is None:
            return _read(results[0])
        results.append(result)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()  # through the module: gevent puts its own there
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def _read(result: pq.abc.PGresult) -> Row | None:
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise PostgresError(result.error_message.decode(errors="replace"))
    if not result.ntuples:
        return None
    # Binary: a float8 is a big-endian double (https://www.postgresql.org/docs/current/protocol-overview.html).
    return Row(result.get_value(0, 0) or b"", struct.unpack("!d", result.get_value(0, 1) or bytes(8))[0])
