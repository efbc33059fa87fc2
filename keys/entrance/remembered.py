"""What was read of keys, kept in the process: by digest of a token, and by id for what names its key by that.

An entry is stale as soon as the revision changes. While the database is away, what is kept goes on working for
settings.DRAGOMAN_KEY_GRACE seconds after its last sign of life; what is not kept is refused with 503, never with 401.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from django.utils import timezone

from keys import freshness
from keys.entrance import callers, refusals
from keys.reading import DATABASE, DatabaseAway
from keys.settled import settings

MOST = 10_000
UNKNOWN_SECONDS = 5.0
Name = TypeVar("Name")
Kept = TypeVar("Kept")


class Caller(Protocol):
    """Who calls: an identity, or an admin key's."""

    def expired(self, now: float) -> bool: ...


Who = TypeVar("Who", bound=Caller)


class Entry(NamedTuple, Generic[Who]):
    """What was read: the identity, None for one that is unknown or may not be used, and when."""

    identity: Who | None
    generation: int
    read_at: float


class Remembered(Generic[Who]):
    """Identities by one name of theirs. query: reads one from the database, None where there is none."""

    def __init__(self, query: Callable[[str, datetime], Who | None]) -> None:
        self._query = query
        self._known: dict[str, Entry[Who]] = {}
        self._unknown: dict[str, Entry[Who]] = {}

    def get(self, name: str) -> Who | None:
        """From memory, else from the database. None if it is unknown, off, revoked or expired; AccessRefused (503)."""
        entry = self._known.get(name)
        if entry is None or entry.generation != freshness.generation() or not in_grace(entry):
            entry = self._read(name, entry)
        identity = entry.identity
        return None if identity is None or identity.expired(time.time()) else identity

    def forget(self) -> None:
        self._known.clear()
        self._unknown.clear()

    def _read(self, name: str, stale: Entry[Who] | None) -> Entry[Who]:
        """Ask the database; where it is away, make do with what was known before."""
        generation = freshness.generation()  # before the read: a change during it makes the entry stale
        unknown = self._unknown.get(name)
        if unknown and unknown.generation == generation and time.monotonic() - unknown.read_at < UNKNOWN_SECONDS:
            return unknown
        try:
            identity = DATABASE.read(lambda: self._query(name, timezone.now()))
        except DatabaseAway:
            if stale is not None and in_grace(stale):
                return stale
            raise refusals.away() from None
        entry = Entry(identity, generation, time.monotonic())
        self._remember(name, entry)
        return entry

    def _remember(self, name: str, entry: Entry[Who]) -> None:
        mine, other = (self._unknown, self._known) if entry.identity is None else (self._known, self._unknown)
        other.pop(name, None)
        put(mine, name, entry, MOST)


def in_grace(entry: Entry[Who]) -> bool:
    seen = max(entry.read_at, freshness.database_seen())
    return bool(time.monotonic() - seen <= settings.DRAGOMAN_KEY_GRACE)


def put(kept: dict[Name, Kept], name: Name, value: Kept, most: int) -> None:
    """Keep `value`; the oldest goes where there are too many."""
    kept.pop(name, None)
    if len(kept) >= most:
        with suppress(RuntimeError, StopIteration):  # another thread put something in between: it made room as well
            kept.pop(next(iter(kept)), None)
    kept[name] = value


BY_DIGEST = Remembered(callers.by_digest)
BY_ID = Remembered(callers.by_id)


def forget() -> None:
    """Drop what this process has kept of keys."""
    BY_DIGEST.forget()
    BY_ID.forget()
