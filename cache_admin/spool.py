"""The spool: each process appends records to its own files, and a shipper carries them to the tables.

A record is in the kernel's hands once append() returns, so it survives kill -9 of every process; with durability
`fsync` it survives power loss too. A frame is length (u32), CRC-32 of the payload (u32, zlib), payload; the payload is
a JSON object, a newline, and an optional blob. JSON has no raw newline, so the first one ends the header.

Files: `<instance>.lock` is flocked by its process for life (flock(2)), `<instance>-<number>.spool` holds the frames.
Invariant: a lock is born locked (flocked, then renamed into place) and comes before its first spool file, so whoever
can take the lock knows that the owner is gone; once number n+1 exists nothing is appended to number n.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
import uuid
import weakref
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cache_admin import counters
from cache_admin.plain import plain
from keys import native
from keys.settled import settings

FRAME = struct.Struct(">II")
ROTATE_BYTES = 8 << 20
ROTATE_SECONDS = 300.0
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class SpoolUnavailable(Exception):
    """The record could not be written whole (disk full, I/O error): the request must fail closed, 503."""


class Record(NamedTuple):
    header: dict[str, Any]
    blob: bytes


class _File:
    """The file that is being appended to: its descriptor, its size in bytes, and when to leave it (monotonic s)."""

    __slots__ = ("descriptor", "size", "until")

    def __init__(self, path: Path, until: float) -> None:
        self.descriptor = os.open(path, _APPEND, 0o600)
        self.size = 0
        self.until = until


class Spool:
    """Appends records to this process's own files below `directory`; `durability` is `process` or `fsync`.

    Safe for threads and greenlets, and across fork: the child begins an instance of its own.
    """

    def __init__(self, directory: Path, durability: str = "process", rotate_bytes: int = ROTATE_BYTES) -> None:
        self._directory = Path(directory)
        self._fsync = durability == "fsync"
        self._rotate_bytes = rotate_bytes
        self._begin()
        _spools.add(self)

    def _begin(self) -> None:
        self.instance = uuid.uuid4().hex
        self._lock = native.Lock()
        self._lease: int | None = None
        self._file: _File | None = None
        self._number = 0

    def append(self, header: Mapping[str, Any], blob: bytes = b"") -> None:
        """Write one record by one os.write. Raises SpoolUnavailable; then the file ends as it did before."""
        self.append_text(header_text(header), blob)

    def append_text(self, text: bytes, blob: bytes = b"", ahead: bytes = b"") -> None:
        """As append(), with the header already written as JSON (see header_text). ahead: a frame that goes before it
        in the same write."""
        self.append_frame(ahead + framed(text, blob))

    def append_frame(self, frame: bytes) -> None:
        """As append(), for whole frames (see framed)."""
        with self._lock:
            try:
                self._write(frame)
            except OSError as error:
                counters.count("spool_unavailable")
                raise SpoolUnavailable(error.strerror or "the spool cannot be written") from None

    def _write(self, frame: bytes) -> None:
        file = self._file
        if file is None or file.size >= self._rotate_bytes or time.monotonic() >= file.until:
            file = self._next_file()
        written = os.write(file.descriptor, frame)
        if written != len(frame):
            self._take_back(file)
            raise OSError(0, "a record was written short: the disk is full")
        file.size += written
        if self._fsync:
            self._make_durable(file)

    def _take_back(self, file: _File) -> None:
        """Cut a half-written frame off; where even that fails, leave the file: its reader drops the torn tail."""
        try:
            os.ftruncate(file.descriptor, file.size)
        except OSError:
            self._leave_file()

    def _make_durable(self, file: _File) -> None:
        """After a failed fsync the kernel may have dropped the pages (https://lwn.net/Articles/752063/), and a
        second fsync would say all is well: so the file is left, and the next record begins a new one."""
        try:
            _sync(file.descriptor)
        except OSError:
            self._leave_file()
            raise

    def _leave_file(self) -> None:
        if self._file is not None:
            os.close(self._file.descriptor)
            self._file = None

    def _next_file(self) -> _File:
        if self._lease is None:
            self._lease = born_locked(self._directory, self.instance)
        path = self._directory / f"{self.instance}-{self._number + 1:08d}.spool"
        file = _File(path, time.monotonic() + ROTATE_SECONDS)
        self._number += 1
        self._leave_file()
        self._file = file
        self._make_name_durable()
        return file

    def _make_name_durable(self) -> None:
        try:
            sync_directory(self._directory)
        except OSError:
            self._leave_file()
            raise

    def close(self) -> None:
        """Give the files and the lock up, as the end of the process would."""
        self._leave_file()
        if self._lease is not None:
            os.close(self._lease)
        self._begin()


_spools: weakref.WeakSet[Spool] = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    """A forked child must neither append to its parent's file nor keep its parent's lock alive."""
    for spool in list(_spools):
        spool.close()


os.register_at_fork(after_in_child=_begin_anew_in_child)


def framed(text: bytes, blob: bytes = b"") -> bytes:
    """A record as it stands in a file. text: its header as JSON."""
    head = text + b"\n"
    checksum = zlib.crc32(blob, zlib.crc32(head))
    return b"".join((FRAME.pack(len(head) + len(blob), checksum), head, blob))


def header_text(header: Mapping[str, Any]) -> bytes:
    """JSON of a header. What orjson refuses (lone surrogates, integers over 64 bits) is made plain first."""
    try:
        return orjson.dumps(header, default=_written)
    except TypeError:
        return orjson.dumps(plain(header), default=_written)


def _written(value: object) -> str | None:
    """Decimals as text; bytes travel as blobs, never in a header."""
    return None if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=8)
def _spool_at(directory: Path, durability: str) -> Spool:
    return Spool(directory, durability)


def own() -> Spool:
    """The spool of this process, where the settings say."""
    found: Spool | None = settings.__dict__.get("own_spool")  # kept with the settings that it comes from
    if found is None:
        found = _spool_at(settings.DRAGOMAN_SPOOL_DIR, settings.DRAGOMAN_USAGE_DURABILITY)
        settings.__dict__["own_spool"] = found
    return found


def born_locked(directory: Path, instance: str) -> int:
    """Make `<instance>.lock` so that nobody ever sees it unlocked. Returns the descriptor that holds the lock."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f"{instance}.draft"
    descriptor = os.open(draft, _APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(draft, directory / f"{instance}.lock")
    except OSError:
        os.close(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return descriptor


def sync_directory(directory: Path) -> None:
    """Make a new name in `directory` durable (fsync(2): the file's own fsync does not cover its name)."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_frames(path: Path, offset: int, records: int = 2000, size: int = 16 << 20) -> tuple[list[Record], int]:
    """Whole frames of `path` from byte `offset` on, and the offset behind the last of them.

    At most `records` of them, and none begun after `size` bytes. Ends before the first torn or broken frame.
    """
    found: list[Record] = []
    with path.open("rb") as file:
        file.seek(offset)
        while len(found) < records and file.tell() - offset < size:
            payload = _payload(file.read(FRAME.size), file)
            record = None if payload is None else _record(payload)
            if record is None:
                break
            found.append(record)
            end = file.tell()
    return found, end if found else offset


def _payload(head: bytes, file: Any) -> bytes | None:
    if len(head) < FRAME.size:
        return None
    length, checksum = FRAME.unpack(head)
    payload: bytes = file.read(length)
    # A length of nothing is a page of zeros that a power cut left behind: CRC-32 of nothing is 0, too.
    return payload if length and len(payload) == length and zlib.crc32(payload) == checksum else None


def _record(payload: bytes) -> Record | None:
    end = payload.find(b"\n")
    try:
        header = orjson.loads(payload[:end])
    except orjson.JSONDecodeError:
        return None
    return Record(header, payload[end + 1 :]) if end >= 0 and isinstance(header, dict) else None


def behind_broken_frame(path: Path, offset: int) -> int:
    """Where to go on behind the broken frame at `offset`: the frame after it, or the end where that is unknowable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(offset)
        head = file.read(FRAME.size)
    length = FRAME.unpack(head)[0] if len(head) == FRAME.size else 0
    end = offset + FRAME.size + length
    return end if length and end <= size else size
