"""Rows as lines of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson
from django.db.models import Q, QuerySet

from cache_admin.cassettes.lines import line_of
from cache_admin.models import StoredCompletion
from cache_admin.unsealing import completion_of, request_of
from keys.administration import audit
from keys.administration.audit import Actor
from keys.secrecy.sealing import SealBroken

BATCH = 20  # a row may hold 8 MiB


def exported(rows: QuerySet[StoredCompletion], counts: Counter[str], actor: Actor) -> Iterator[bytes]:
    """A line of each of `rows`, the oldest first. Counts: exported; sealed_to_caller; without_request, which was too
    large to be kept; broken. The audit log is told at once, before any line, and has no word of what they say."""
    audit.note(actor, "completion.exported", None, {"count": rows.order_by().count()})
    return lines(rows, counts)


def lines(rows: QuerySet[StoredCompletion], counts: Counter[str]) -> Iterator[bytes]:
    for row in by_time(rows):
        outcome, line = told(row)
        counts[outcome] += 1
        if line:
            yield line


def by_time(rows: QuerySet[StoredCompletion]) -> Iterator[StoredCompletion]:
    """Page by page: neither this process nor a cursor of the database holds them all."""
    rows = rows.defer(None).order_by("created_at", "digest")
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
        kept, request = completion_of(row), request_of(row)
        for part in (request, kept.answer):
            orjson.loads(part)
    except (SealBroken, ValueError):
        return "broken", b""
    return "exported", line_of(row, kept, request)
