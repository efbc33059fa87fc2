"""Shipping: what the processes of this host have spooled is carried to the tables, again and again, by one at a time.

The files of living processes are tailed from a kept offset; those of the dead are taken over, their open calls marked
aborted, and unlinked. Losing the offsets is harmless, since landing is idempotent. While the database is away the
files stay and the next round tries again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from django.conf import settings
from django.db import DataError, Error, IntegrityError, connection

from cache_admin.landing import land, mark_aborted
from cache_admin.locks import file_lock, try_lock
from cache_admin.rows import RECORD_VERSION, Rows, is_known
from cache_admin.spool import Record, Spool, behind_broken_frame, read_frames
from keys import limits
from keys.redis import RedisAway, ResponseError

log = logging.getLogger("dragoman.shipping")
BUDGET_SECONDS = 20.0
OFFSETS, LOCK = "offsets.json", "ship.lock"
STALE_DRAFT_SECONDS = 3600
_LOG_EVERY = 30.0
_quiet_until = 0.0


def ship(now: float, budget_seconds: float = BUDGET_SECONDS) -> Counter[str]:
    """One round over the spool; what was done, counted.

    usage, completions, bodies: rows that were new; aborted: calls of dead processes; dropped: torn frames; refused:
    records that no table takes, set aside in `refused/`; held: files with records of another version, kept; files:
    unlinked; unadopted: dead processes that limits could not be told of yet; busy: another shipper is at it; away: the
    database is. `now`: Unix seconds.
    """
    directory = Path(settings.DRAGOMAN_SPOOL_DIR)
    with file_lock(directory / LOCK) as held:
        if not held:
            return Counter(busy=1)
        tour = _Tour(directory, now, time.monotonic() + budget_seconds)
        try:
            tour.run()
        except Error as error:
            tour.counts["away"] = 1
            _say_away(error)
            connection.close()
        finally:
            tour.offsets.save()
    return tour.counts


def _say_away(error: Exception) -> None:
    """One line each half minute, not one a second."""
    global _quiet_until
    if time.monotonic() >= _quiet_until:
        _quiet_until = time.monotonic() + _LOG_EVERY
        log.warning("usage waits in the spool: the database is away (%s)", type(error).__name__)


class Offsets:
    """How far each file has landed, kept in a file beside them; `held` are files with records of another version."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / OFFSETS
        self._saved = self._read()
        self.landed: dict[str, int] = dict(self._saved["landed"])
        self.held: set[str] = set(self._saved["held"])

    def _read(self) -> dict[str, dict[str, int]]:
        """Offsets of another record version are not taken up: what that version could not read, we may."""
        try:
            kept = orjson.loads(self._path.read_bytes())
            if kept["version"] == RECORD_VERSION:
                return {"landed": dict(kept["landed"]), "held": dict.fromkeys(kept["held"], 1)}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {"landed": {}, "held": {}}

    def forget(self, name: str) -> None:
        self.landed.pop(name, None)
        self.held.discard(name)

    def save(self) -> None:
        if self.landed == self._saved["landed"] and self.held == set(self._saved["held"]):
            return
        draft = self._path.with_suffix(".draft-offsets")
        content = {"version": RECORD_VERSION, "landed": self.landed, "held": sorted(self.held)}
        draft.write_bytes(orjson.dumps(content))
        draft.rename(self._path)


@dataclass(slots=True)
class _Tour:
    """One round: the directory, the clock (Unix s), the deadline (monotonic s), and what has been done so far."""

    directory: Path
    now: float
    deadline: float
    counts: Counter[str] = field(default_factory=Counter)
    offsets: Offsets = field(init=False)

    def __post_init__(self) -> None:
        self.offsets = Offsets(self.directory)

    def run(self) -> None:
        for instance in instances(self.directory):
            if time.monotonic() >= self.deadline:
                self.counts["unfinished"] = 1
                return
            self.visit(instance)
        self._forget_vanished()

    def visit(self, instance: str) -> None:
        """The owner is asked for before its files are listed: once gone it writes no more, so the list is whole."""
        gone = owner_is_gone(self.directory, instance)
        files = files_of(self.directory, instance)
        done = [self.ship_file(path, instance, finished=gone or path != files[-1]) for path in files]
        if gone and all(done):
            self.bury(instance)

    def bury(self, instance: str) -> None:
        """All that the dead process wrote has landed: what is open now stays unended, and limits count what the ledger
        says. While Redis is away the lock stays, so that the next round sees to it."""
        self.counts["aborted"] += mark_aborted(instance)
        try:
            limits.adopt(instance)
        except (RedisAway, ResponseError):
            self.counts["unadopted"] += 1
            return
        (self.directory / f"{instance}.lock").unlink(missing_ok=True)

    def ship_file(self, path: Path, instance: str, *, finished: bool) -> bool:
        """Land what `path` holds beyond its offset. True once it is finished, landed whole and unlinked."""
        while time.monotonic() < self.deadline:
            offset = self.offsets.landed.get(path.name, 0)
            records, end = read_frames(path, offset)
            if not records:
                if not finished or end >= path.stat().st_size:
                    return finished and self._unlink(path)
                end = self._drop_frame(path, end)
            self._land_known(records, path, instance)
            self.offsets.landed[path.name] = end
        return False

    def _land_known(self, records: list[Record], path: Path, instance: str) -> None:
        known = [record for record in records if is_known(record)]
        if len(known) < len(records):
            self.offsets.held.add(path.name)
        self._land(known, instance)

    def _land(self, records: list[Record], instance: str) -> None:
        """Land them together; where the tables refuse that, half by half, until the one at fault is set aside."""
        if not records:
            return
        try:
            self.counts += land(rows_of(records, instance), self.now)
        except (DataError, IntegrityError, ValueError, TypeError, KeyError, OverflowError) as error:
            if len(records) == 1:
                self._set_aside(records[0], error)
                return
            half = len(records) // 2
            self._land(records[:half], instance)
            self._land(records[half:], instance)

    def _set_aside(self, record: Record, error: Exception) -> None:
        spool = Spool(self.directory / "refused")
        spool.append(record.header, record.blob)
        spool.close()
        self.counts["refused"] += 1
        log.error("a spool record makes no row (%s): kept in the folder `refused`", type(error).__name__)

    def _drop_frame(self, path: Path, offset: int) -> int:
        """A frame that its dead writer left torn: the answer's last byte cannot have been sent."""
        self.counts["dropped"] += 1
        log.warning("dropped a torn frame at byte %d of %s", offset, path.name)
        return behind_broken_frame(path, offset)

    def _unlink(self, path: Path) -> bool:
        if path.name in self.offsets.held:
            self.counts["held"] += 1
            return False
        path.unlink()
        self.counts["files"] += 1
        self.offsets.forget(path.name)
        return True

    def _forget_vanished(self) -> None:
        for name in set(self.offsets.landed) | self.offsets.held:
            if not (self.directory / name).exists():
                self.offsets.forget(name)
        for draft in self.directory.glob("*.draft"):
            if self.now - draft.stat().st_mtime > STALE_DRAFT_SECONDS:
                draft.unlink(missing_ok=True)


def rows_of(records: list[Record], instance: str) -> Rows:
    rows = Rows()
    for record in records:
        rows.add(record, instance)
    return rows


def instances(directory: Path) -> list[str]:
    """Every process that has left a lock or a spool file here."""
    names = {path.name.split("-")[0] for path in directory.glob("*.spool")}
    return sorted(names | {path.stem for path in directory.glob("*.lock") if path.name != LOCK})


def files_of(directory: Path, instance: str) -> list[Path]:
    return sorted(directory.glob(f"{instance}-*.spool"))


def owner_is_gone(directory: Path, instance: str) -> bool:
    """Whether nobody holds the lock of `instance`. No lock file means gone: it comes first and goes last."""
    try:
        with (directory / f"{instance}.lock").open("rb") as file:
            return try_lock(file.fileno())
    except FileNotFoundError:
        return True
