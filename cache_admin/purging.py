"""Purging: completions past their time or too many, old records of the logs, alerts and sessions go, in bounded
batches, each in a transaction of its own.

Safe to run twice at once, to be killed half-way and to be sent again (reliability b24): one at a time by a lock, and a
batch is either gone or still there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from cache_admin.landing import abort
from cache_admin.locks import TABLES, file_lock, hold_until_commit
from cache_admin.models import UsageBody, UsageRecord
from cache_admin.removing import BATCH, Step, remove_least_used, remove_stale, repeated
from cache_admin.rows import OPEN, moment
from keys.ids import first_id
from keys.models import AuditEntry, BudgetAlert

BUDGET_SECONDS = 60.0
ALERTS_KEPT = timedelta(days=400)  # a year to look back on; an alert of a period under way must stay
LOST_AFTER = timedelta(days=1)  # no call lasts that long: its process left no lock behind to tell


def purge(now: float, budget_seconds: float = BUDGET_SECONDS, batch: int = BATCH) -> Counter[str]:
    """Remove what is stale at `now` (Unix s), and what is too much. Counts: completions, evicted, usage, aborted,
    alerts, audit, history, sessions; busy, unfinished: 1."""
    counts: Counter[str] = Counter()
    for step in purging(now, budget_seconds, batch):
        counts += step
    return counts


def purging(now: float, budget_seconds: float = BUDGET_SECONDS, batch: int = BATCH) -> Iterator[Counter[str]]:
    """As purge(), yielding the counts of each batch as it is done."""
    deadline = time.monotonic() + budget_seconds
    with file_lock(Path(settings.DRAGOMAN_SPOOL_DIR) / "purge.lock") as held:
        if not held:
            yield Counter(busy=1)
            return
        completions = (remove_stale(now), remove_least_used(now))
        logs = (purge_usage_once(now), close_lost_once(now), purge_alerts_once(now), *purge_staff_once(now))
        for step in (*completions, *logs):
            yield from repeated(step, batch, deadline)


def purge_usage_once(now: float) -> Step:
    """Records older than settings.DRAGOMAN_USAGE_DAYS; 0 keeps them all. Their age is in their ids."""
    days = settings.DRAGOMAN_USAGE_DAYS
    oldest = first_id(now - days * 86400)

    def step(batch: int) -> Counter[str]:
        return Counter(usage=delete_below(oldest, batch) if days else 0)

    return step


def delete_below(oldest: UUID, batch: int) -> int:
    with transaction.atomic():
        hold_until_commit("purge")
        found: Any = UsageRecord.objects.filter(pk__lt=oldest).order_by("pk")
        ids = list(found.values_list("pk", flat=True)[:batch])
        UsageBody.objects.filter(pk__in=ids).delete()
        gone, _ = UsageRecord.objects.filter(pk__in=ids).delete()
    return gone


def close_lost_once(now: float) -> Step:
    """Calls that are still open after a day, because their spool was lost with its disk."""

    def step(batch: int) -> Counter[str]:
        lost = UsageRecord.objects.filter(status=OPEN, at__lt=moment(now) - LOST_AFTER)
        with transaction.atomic():
            hold_until_commit(TABLES)  # none of them lands meanwhile
            return Counter(aborted=abort(lost[:batch]))

    return step


def purge_alerts_once(now: float) -> Step:
    """With their deliveries."""
    return purge_once("alerts", BudgetAlert.objects.filter(at__lt=moment(now) - ALERTS_KEPT))


def purge_staff_once(now: float) -> Iterator[Step]:
    """Sessions that are over; and what staff did more than settings.DRAGOMAN_AUDIT_DAYS ago (0 keeps all of it): the
    audit log, and what Django's pages call history."""
    oldest = now - settings.DRAGOMAN_AUDIT_DAYS * 86400
    if settings.DRAGOMAN_AUDIT_DAYS:
        yield purge_once("audit", AuditEntry.objects.filter(pk__lt=str(first_id(oldest))))
        yield purge_once("history", LogEntry.objects.filter(action_time__lt=moment(oldest)))
    yield purge_once("sessions", Session.objects.filter(expire_date__lt=moment(now)))


def purge_once(name: str, old: QuerySet[Any]) -> Step:
    """All of `old`; counted under `name`."""

    def step(batch: int) -> Counter[str]:
        ids = list(old.order_by("pk").values_list("pk", flat=True)[:batch])
        old.model._default_manager.filter(pk__in=ids).delete()
        return Counter({name: len(ids)})

    return step
