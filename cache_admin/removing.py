"""Completions go: those whose time is over, the least used of too many, and those that somebody chose.

Each batch is a transaction of its own, one at a time in the whole installation: it takes rows and words and counts the
removal, or does nothing. Redis forgets before the commit, so that a purge that is killed after it leaves nothing to
serve, and again after it, because a look-up between the two may have filled Redis from the table.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum

from cache_admin.choosing import Choice, removable
from cache_admin.completions import forget
from cache_admin.locks import TABLES, hold_until_commit
from cache_admin.models import CompletionWord, Removal, StoredCompletion
from cache_admin.rows import moment

BATCH = 1000
Step = Callable[[int], Counter[str]]
Reason = Removal.Reason
Sized = tuple[str, int]  # digest, bytes


class Amount(NamedTuple):
    """Of completions. size: bytes."""

    rows: int
    size: int


def amount(rows: QuerySet[StoredCompletion]) -> Amount:
    return Amount(**rows.order_by().aggregate(rows=Count("*"), size=Sum("size", default=0)))


def repeated(step: Step, batch: int, deadline: float) -> Iterator[Counter[str]]:
    """`step` until it finds less than a batch, or the time (monotonic s) is up."""
    while time.monotonic() < deadline:
        done = step(batch)
        yield done
        if done.total() < batch:
            return
    yield Counter(unfinished=1)


def remove_stale(now: float) -> Step:
    """Those whose life and grace are over at `now` (Unix s). Counts: completions."""
    rows = stale(now).order_by("kept_until")

    def step(batch: int) -> Counter[str]:
        return Counter(completions=_removed(lambda: sized(rows, batch), Reason.EXPIRED, now))

    return step


def remove_chosen(choice: Choice, now: float) -> Step:
    """Counts: completions."""

    def step(batch: int) -> Counter[str]:
        return Counter(completions=_removed(lambda: sized(choice.rows(), batch), Reason.CHOSEN, now))

    return step


def remove_least_used(now: float) -> Step:
    """Until the table holds no more rows and bytes than the settings say, or only what a purge leaves. Counts:
    evicted."""
    rows = removable(StoredCompletion.objects.all()).order_by("used_at")

    def step(batch: int) -> Counter[str]:
        return Counter(evicted=_removed(lambda: enough(sized(rows, batch), too_much()), Reason.EVICTED, now))

    return step


def stale(now: float) -> QuerySet[StoredCompletion]:
    return StoredCompletion.objects.filter(kept_until__lte=moment(now))


def going(now: float) -> Amount:
    """What a purge would take. Of too many, those past their time go first."""
    past, over = amount(stale(now)), too_much()
    return Amount(max(past.rows, over.rows), max(past.size, over.size))


def too_much() -> Amount:
    """By how much the table is over settings.DRAGOMAN_CACHE_MAX_ROWS and DRAGOMAN_CACHE_MAX_TOTAL_BYTES; 0: no end."""
    most = Amount(settings.DRAGOMAN_CACHE_MAX_ROWS, settings.DRAGOMAN_CACHE_MAX_TOTAL_BYTES)
    if not any(most):
        return Amount(0, 0)
    kept = amount(StoredCompletion.objects.all())
    return Amount(*(max(0, has - end) if end else 0 for has, end in zip(kept, most, strict=True)))


def enough(found: Sequence[Sized], over: Amount) -> list[Sized]:
    """As many of them, from the first on, as are needed to be over no more."""
    chosen: list[Sized] = []
    rows, size = over
    for one in found:
        if rows <= 0 and size <= 0:
            break
        chosen.append(one)
        rows, size = rows - 1, size - one[1]
    return chosen


def sized(rows: QuerySet[StoredCompletion], batch: int) -> list[Sized]:
    return list(rows.values_list("digest", "size")[:batch])


def _removed(find: Callable[[], list[Sized]], reason: Removal.Reason, now: float) -> int:
    """Take what `find` finds, within the transaction that takes it. How many they were."""
    with transaction.atomic():
        hold_until_commit(TABLES)
        found = find()
        digests = [digest for digest, _ in found]
        if not digests:
            return 0
        CompletionWord.objects.filter(digest__in=digests).delete()
        StoredCompletion.objects.filter(digest__in=digests).delete()
        _count(Amount(len(found), sum(size for _, size in found)), reason, now)
        forget(*digests)
    forget(*digests)
    return len(digests)


def _count(gone: Amount, reason: Removal.Reason, now: float) -> None:
    """Under the lock, so that no two make the day's row."""
    day, _ = Removal.objects.get_or_create(day=moment(now).date(), reason=reason)
    Removal.objects.filter(pk=day.pk).update(completions=F("completions") + gone.rows, size=F("size") + gone.size)
