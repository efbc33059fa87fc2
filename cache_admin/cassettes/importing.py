"""Lines of a file as the cassette of a project: examined first, and then all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import BinaryIO, NamedTuple

from cache_admin.cassettes.lines import Take, take_of
from cache_admin.completions import cassette_slot, forget, opened, recorded
from cache_admin.landing import land
from cache_admin.models import StoredCompletion
from cache_admin.rows import Rows, moment
from cache_admin.sealed import Slot
from keys.administration import audit
from keys.administration.audit import Actor
from keys.models import Project
from keys.secrecy.sealing import SealBroken

BATCH = 20  # an entry may hold 8 MiB
LONGEST_LINE = 64 << 20  # bytes: beyond a request and an answer of the largest size
MOST_TOLD = 20  # lines at fault that are named; the others are counted


class Verdict(NamedTuple):
    """What a file would do. imported: entries that are new, or have another answer; unchanged: those that are there;
    faults: `line 2: it is no JSON`, the first twenty; wrong: how many lines are at fault."""

    imported: int
    unchanged: int
    faults: tuple[str, ...]
    wrong: int

    @property
    def more(self) -> int:
        """Lines at fault that are not named."""
        return self.wrong - len(self.faults)


class CassetteFault(Exception):
    """The file makes no cassette; says which lines are at fault. Nothing of the file was kept."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        more = [f"and {verdict.more:,} more lines"] if verdict.more else []
        super().__init__("; ".join((*verdict.faults, *more)))


def examined(file: BinaryIO, project: Project, now: float) -> Verdict:
    """What importing a file would do; nothing is kept. now: Unix s."""
    faults, wrong, counts = list[str](), 0, Counter[str]()
    for batch in batched(takes(file)):
        good = {take.asked.name: take for take in batch if isinstance(take, Take)}
        bad = [fault for fault in batch if isinstance(fault, str)]
        faults += bad[: MOST_TOLD - len(faults)]
        wrong += len(bad)
        changed = len(rows_of(good, project, now).completions)
        counts += Counter(imported=changed, unchanged=len(good) - changed)
    if not (wrong or counts):
        faults, wrong = ["it holds no line"], 1
    return Verdict(counts["imported"], counts["unchanged"], tuple(faults), wrong)


def imported(file: BinaryIO, project: Project, actor: Actor, now: float) -> Verdict:
    """Put the lines of a file into the project's cassette, for good; of two that ask the same the later one counts.
    Again: nothing changes. file: one that can be read twice; now: Unix s.

    Raises CassetteFault before anything was kept, where a line makes none.
    """
    verdict = examined(file, project, now)
    if verdict.wrong:
        raise CassetteFault(verdict)
    audit.note(actor, "completion.imported", project, {"count": verdict.imported + verdict.unchanged})
    file.seek(0)
    for batch in batched(takes(file)):
        rows = rows_of({take.asked.name: take for take in batch if isinstance(take, Take)}, project, now)
        land(rows, now)
        forget(*rows.completions)
    return verdict


def takes(file: BinaryIO) -> Iterator[Take | str]:
    """The file's lines, read; of one that makes no entry its number and why."""
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
        if len(line) > LONGEST_LINE:  # where the next one begins nobody knows
            yield f"line {number}: it is longer than {LONGEST_LINE:,} bytes"
            return
        if line.strip():
            try:
                yield take_of(line)
            except ValueError as error:
                yield f"line {number}: {error}"


def batched(found: Iterable[Take | str]) -> Iterator[list[Take | str]]:
    source = iter(found)
    return iter(lambda: list(islice(source, BATCH)), [])


def rows_of(batch: Mapping[bytes, Take], project: Project, now: float) -> Rows:
    """What of a batch is not there yet, as rows."""
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
    return rows


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
