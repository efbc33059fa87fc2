"""What is done to completions by hand, each act with its line in the audit log and in one transaction with it.

The admin's pages, the API and the commands act through these. Acts that name digests take them in hex, are told how
many rows they changed, and say nothing where that is none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from cache_admin.completions import forget
from cache_admin.locks import TABLES, hold_until_commit
from cache_admin.models import StoredCompletion
from cache_admin.plain import plain_text
from cache_admin.removing import BATCH, Choice, amount, removable, remove_chosen, repeated
from keys import audit
from keys.audit import Actor

PURGE_SECONDS = 10.0  # of a purge that somebody waits for
LONGEST_NOTE = StoredCompletion._meta.get_field("note").max_length
NOTHING: Mapping[str, Any] = {}


def pin(digests: Sequence[str], actor: Actor) -> int:
    """No purge takes them; they expire as others do, and stay to be read."""
    with _writing():
        rows = _rows(digests).filter(pinned=False)
        return _told(rows.update(pinned=True, kept_until=None), "completion.pinned", digests, actor)


def unpin(digests: Sequence[str], actor: Actor) -> int:
    with _writing():
        rows = _rows(digests).filter(pinned=True)
        # Before the pins go, which are what finds the rows.
        rows.filter(cassette=False).update(kept_until=F("expires_at") + _grace())
        return _told(rows.update(pinned=False), "completion.unpinned", digests, actor)


def note(digests: Sequence[str], text: str, actor: Actor) -> int:
    """What somebody has to say of them, in the clear; "" takes it back."""
    said = plain_text(text.strip(), LONGEST_NOTE)
    with _writing():
        changed = _rows(digests).exclude(note=said).update(note=said)
        return _told(changed, "completion.noted", digests, actor, {"note": said})


def expire(digests: Sequence[str], now: datetime, actor: Actor) -> int:
    """From now on they are stale: given only to who takes a stale answer, for the time of grace."""
    with _writing():
        rows = _rows(digests).filter(expires_at__gt=now)
        removable(rows).update(kept_until=now + _grace())
        transaction.on_commit(partial(forget, *digests))
        return _told(rows.update(expires_at=now), "completion.expired", digests, actor)


def purge(choice: Choice, now: float, actor: Actor) -> Counter[str]:
    """As purging(), for ten seconds at most; `unfinished`: 1 where that was too short, and the rest is left."""
    counts: Counter[str] = Counter()
    for step in purging(choice, now, actor, PURGE_SECONDS):
        counts += step
    return counts


def purging(choice: Choice, now: float, actor: Actor, budget_seconds: float) -> Iterator[Counter[str]]:
    """Remove the chosen completions from both tiers, batch by batch, each counted under `completions`. The audit log
    is told before the first, with how many there are. now: Unix s."""
    found = amount(choice.rows())
    if not found.rows:
        return
    audit.note(actor, "completion.purged", None, {**choice.said(), "count": found.rows, "bytes": found.size})
    yield from repeated(remove_chosen(choice, now), BATCH, time.monotonic() + budget_seconds)


@contextmanager
def _writing() -> Iterator[None]:
    with transaction.atomic():
        hold_until_commit(TABLES)
        yield


def _rows(digests: Sequence[str]) -> QuerySet[StoredCompletion]:
    return StoredCompletion.objects.filter(digest__in=digests)


def _told(changed: int, action: str, digests: Sequence[str], actor: Actor, more: Mapping[str, Any] = NOTHING) -> int:
    if changed:
        audit.note(actor, action, None, {"count": changed, "digests": list(digests), **more})
    return changed


def _grace() -> timedelta:
    return timedelta(seconds=settings.DRAGOMAN_CACHE_GRACE)
