"""One at a time: a file lock for one host, and a lock of the database for several hosts on one PostgreSQL."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

# Held by whoever writes completions: what lands, what goes, what an admin does to a row.
TABLES = "ship"


@contextmanager
def file_lock(path: Path) -> Iterator[bool]:
    """Whether we hold `path` (made on need) for the length of the block; never waits. The kernel frees it with us."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        yield try_lock(file.fileno())


def try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold_until_commit(name: str) -> None:
    """Within a transaction: wait for the others of this `name` in the same database, and keep them out. Four seconds
    at most, not the one of other locks: what lands after a pause is much at once.

    SQLite needs nothing more: its transactions begin IMMEDIATE (settings.DATABASES) and so are one at a time.
    https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '4s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(f"dragoman {name}".encode())])
