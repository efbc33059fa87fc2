"""One snapshot of the database in memory: read at first use, anew after every change, kept while the database is away.

Invariant: `get()` asks the database once in a process; afterwards freshness.py's thread does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from keys import freshness
from keys.reading import DATABASE, DatabaseAway

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """query: reads the whole value; empty: what counts until the database has answered once."""

    def __init__(self, query: Callable[[], Value], empty: Value) -> None:
        self._query, self._empty = query, empty
        self._held: list[Value] = []  # none or one
        freshness.subscribe(self.reload)

    def get(self) -> Value:
        return self._held[0] if self._held else self._first()

    def forget(self) -> None:
        """Drop the snapshot; the next call reads it anew."""
        self._held.clear()

    def reload(self) -> None:
        """Read the snapshot anew, if this process has one. DatabaseAway: the old one stays."""
        if self._held:
            self._held[:] = [DATABASE.read(self._query)]

    def _first(self) -> Value:
        freshness.generation()
        try:
            value = DATABASE.read(self._query)
        except DatabaseAway:
            freshness.again(self.reload)
            value = self._empty
        self._held[:] = [value]
        return value
