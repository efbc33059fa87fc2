"""Cached completions as a file, one line of JSON each, and such a file as the cassette of a project.

A line stands for itself: what was asked (endpoint, headers that make another answer, request) and what came of it.
Where it is kept is made of that anew on import, so a file fits every installation and may be written by hand. Whose
call it was stays behind. What is sealed to its caller cannot be told, and is counted.

Who knows when two requests ask the same stands above this app: known by the dotted name that is registered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import orjson
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string

from cache_admin.completions import ENDLESS, Completion, cassette_slot, forget, opened, read_value, recorded
from cache_admin.landing import land
from cache_admin.models import StoredCompletion
from cache_admin.rows import Rows, moment
from cache_admin.sealed import Slot, unseal_completion
from keys import audit
from keys.audit import Actor
from keys.models import Project
from keys.sealing import SealBroken
from keys.settled import settings

BATCH = 20  # a row may hold 8 MiB
LONGEST_LINE = 64 << 20  # bytes: beyond a request and an answer of the largest size
# What a line may say: of which type, and what it means to say nothing. What else it says is not read.
FORM: Mapping[str, tuple[Any, Any]] = {
    "request": (dict, None),
    "answer": (dict, None),
    "endpoint": (str, ""),
    "headers": (dict, {}),
    "model_asked": (str, ""),
    "provider": (str, ""),
    "model": (str, ""),
    "credential": (str, ""),
    "stored_at": (int | float | None, None),
    "input_tokens": (int | None, None),
    "output_tokens": (int | None, None),
    "cost_usd": (str | None, None),
    "dropped": (list, []),
}
LABELS = ("endpoint", "model_asked", "input_tokens", "output_tokens", "cost_usd")
BREAKS = bytes.maketrans(b"\r\n", b"  ")  # JSON has them between its tokens alone


class CassetteFault(Exception):
    """The file makes no cassette; says which line is at fault. Nothing of the file was kept."""


class Asked(NamedTuple):
    """name: of the request, the same in all cassettes; request, answer: byte for byte as the line has them."""

    name: bytes
    request: bytes
    answer: bytes


# (the line, what it says) -> what it asks. Raises ValueError saying why it is no request.
Reader = Callable[[bytes, Mapping[str, Any]], Asked]
_reader: list[str] = []  # none or one


def register(dotted_name: str) -> None:
    """Name the Reader."""
    _reader[:] = [dotted_name]


# -- out -----------------------------------------------------------------------------------------------------------
def exported(rows: QuerySet[StoredCompletion], counts: Counter[str], actor: Actor) -> Iterator[bytes]:
    """A line of each of `rows`, the oldest first. Counts: exported; sealed_to_caller; without_request, which was too
    large to be kept; broken. The audit log is told before the first line, and has no word of what they say."""
    audit.note(actor, "completion.exported", None, {"count": rows.order_by().count()})
    for row in by_time(rows):
        outcome, line = told(row)
        counts[outcome] += 1
        if line:
            yield line


def by_time(rows: QuerySet[StoredCompletion]) -> Iterator[StoredCompletion]:
    """Page by page: neither this process nor a cursor of the database holds them all."""
    rows = rows.order_by("created_at", "digest")
    found = list(rows[:BATCH])
    while found:
        yield from found
        last = found[-1]
        later = Q(created_at__gt=last.created_at) | Q(digest__gt=last.digest)
        found = list(rows.filter(later, created_at__gte=last.created_at)[:BATCH])


def told(row: StoredCompletion) -> tuple[str, bytes]:
    """What became of a row, by the names of exported(), and its line, if it has one."""
    if row.sealed_to_caller:
        return "sealed_to_caller", b""
    if not row.request_sealed:
        return "without_request", b""
    try:
        kept = read_value(row.digest, row.scope, bytes(row.answer_sealed))
        request = unseal_completion(row.digest, row.scope, "request", bytes(row.request_sealed))
        for part in (request, kept.answer):
            orjson.loads(part)
    except (SealBroken, ValueError, TypeError):
        return "broken", b""
    return "exported", line_of(row, kept, request)


def line_of(row: StoredCompletion, kept: Completion, request: bytes) -> bytes:
    said = {
        "endpoint": row.endpoint,
        "headers": kept.headers,
        "model_asked": row.model_asked,
        "provider": row.provider,
        "model": row.model,
        "credential": row.endpoint_name,
        "stored_at": row.created_at.timestamp(),
        "expires_at": row.expires_at.timestamp(),
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
        "dropped": list(kept.dropped),
        "request": orjson.Fragment(request.translate(BREAKS)),
        "answer": orjson.Fragment(kept.answer.translate(BREAKS)),
    }
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


# -- in ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Take:
    """One line, read."""

    asked: Asked = field(repr=False)
    said: Mapping[str, Any] = field(repr=False)

    def completion(self, at: float) -> Completion:
        said = self.said
        return Completion(
            self.asked.answer,
            said["provider"],
            said["model"],
            said["credential"],
            at,
            ENDLESS,
            said["dropped"] or (),
            said["headers"],
        )

    def label(self) -> dict[str, Any]:
        return {name: self.said[name] for name in LABELS}


def imported(file: BinaryIO, project: Project, actor: Actor, now: float) -> Counter[str]:
    """Put the lines of a file into the project's cassette, for good; of two that ask the same the later one counts.
    Again: nothing changes. Counts: imported, unchanged. file: one that can be read twice; now: Unix s.

    Raises CassetteFault before anything was kept, where a line makes none.
    """
    lines = sum(1 for _ in takes(file))
    audit.note(actor, "completion.imported", project, {"count": lines})
    counts: Counter[str] = Counter()
    file.seek(0)
    batch: dict[bytes, Take] = {}
    for take in takes(file):
        batch[take.asked.name] = take
        if len(batch) == BATCH:
            counts += put(batch, project, now)
            batch = {}
    return counts + put(batch, project, now)


def takes(file: BinaryIO) -> Iterator[Take]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
        try:
            if len(line) > LONGEST_LINE:
                raise ValueError(f"it is longer than {LONGEST_LINE:,} bytes")
            if line.strip():
                yield take_of(line)
        except ValueError as error:
            raise CassetteFault(f"line {number}: {error}") from None


def take_of(line: bytes) -> Take:
    """Raises ValueError saying what is wrong."""
    said = checked(line)
    read: Reader = import_string(_reader[0])
    asked = read(line, said)
    most = settings.DRAGOMAN_CACHE_MAX_BYTES
    for name, part in (("request", asked.request), ("answer", asked.answer)):
        if len(part) > most:
            raise ValueError(f"its {name} is larger than DRAGOMAN_CACHE_MAX_BYTES, {most:,}")
    return Take(asked, said)


def checked(line: bytes) -> dict[str, Any]:
    """What a line says, and for what it may leave out nothing."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ValueError("it is no JSON") from None
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    full = {name: said.get(name, default) for name, (_, default) in FORM.items()}
    for name, (kind, _) in FORM.items():
        if not isinstance(full[name], kind):
            raise ValueError(f"its {name} is missing" if full[name] is None else f"its {name} is of the wrong type")
    if not full["endpoint"]:
        raise ValueError("its endpoint is missing")
    if not all(isinstance(one, str) for one in (*full["headers"].values(), *full["dropped"])):
        raise ValueError("its headers and what was dropped must be texts")
    return full


def put(batch: Mapping[bytes, Take], project: Project, now: float) -> Counter[str]:
    slots = {name: cassette_slot(project.id, name) for name in batch}
    known = StoredCompletion.objects.in_bulk([slot.name for slot in slots.values()])
    rows, label = Rows(), {"project_id": project.id, "project_name": project.name, "cassette": True}
    for name, take in batch.items():
        slot = slots[name]
        row = known.get(slot.name)
        if row is None or not is_kept(take, row, slot, now):
            completion = take.completion(moment_of(take, row, now))
            record, _ = recorded(slot, completion, take.asked.request, {**label, **take.label()})
            rows.add(record, "")
    land(rows, now)
    forget(*rows.completions)
    return Counter(imported=len(rows.completions), unchanged=len(batch) - len(rows.completions))


def is_kept(take: Take, row: StoredCompletion, slot: Slot, now: float) -> bool:
    """Whether the row is what the line would make."""
    try:
        kept = opened(slot, bytes(row.answer_sealed))
        request = slot.unseal("request", bytes(row.request_sealed))
    except (SealBroken, ValueError, TypeError):
        return False
    return (kept, request) == (take.completion(kept.stored_at), take.asked.request) and row.expires_at > moment(now)


def moment_of(take: Take, row: StoredCompletion | None, now: float) -> float:
    """When it was stored, as the file says; what replaces a row must be newer than that."""
    if row is not None:
        return max(now, row.created_at.timestamp() + 0.001)
    return min(now, max(0.0, float(take.said["stored_at"] or now)))
