"""What is done to completions by hand, each act with its line in the audit log and in one transaction with it.

The admin's pages, the API and the commands act through these. Acts name digests in hex, are told how many rows they
changed, and say nothing where that is none. Redis forgets what an act makes untrue.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from cache_admin.choosing import Choice, removable
from cache_admin.completions import Completion, forget, value_of
from cache_admin.locks import TABLES, hold_until_commit
from cache_admin.models import CompletionWord, StoredCompletion
from cache_admin.plain import plain_text
from cache_admin.removing import BATCH, amount, remove_chosen, repeated
from cache_admin.rerunning import Fresh
from cache_admin.rows import moment
from cache_admin.sealed import Slot
from cache_admin.unsealing import completion_of
from keys.administration import audit
from keys.administration.audit import Actor
from keys.secrecy.sealing import SealBroken

Act = Callable[[Sequence[str], Actor, datetime], int]
PURGE_SECONDS = 20.0  # of a purge that somebody waits for
LONGEST_NOTE = StoredCompletion._meta.get_field("note").max_length
NOTHING: Mapping[str, Any] = {}


def pin(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    """No purge takes them; they expire as others do, and stay to be read."""
    with writing():
        rows = rows_of(digests).filter(pinned=False)
        return told(rows.update(pinned=True, kept_until=None), "completion.pinned", digests, actor)


def unpin(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    with writing():
        rows = rows_of(digests).filter(pinned=True)
        # Before the pins go, which are what finds the rows.
        rows.filter(cassette=False).update(kept_until=F("expires_at") + grace())
        return told(rows.update(pinned=False), "completion.unpinned", digests, actor)


def expire(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    """From now on they are stale: given only to who takes a stale answer, for the time of grace."""
    with writing():
        rows = rows_of(digests).filter(expires_at__gt=now)
        removable(rows).update(kept_until=now + grace())
        transaction.on_commit(partial(forget, *digests))
        return told(rows.update(expires_at=now), "completion.expired", digests, actor)


def purge(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    """From both tiers, also what is pinned, and cassettes: somebody has named them."""
    counts: Counter[str] = Counter()
    if digests:
        choice = Choice(digests=digests, pinned_too=True)
        for step in purging(choice, now.timestamp(), actor, PURGE_SECONDS):
            counts += step
    return counts["completions"]


ACTS: dict[str, Act] = {"pin": pin, "unpin": unpin, "expire": expire}


def note(digests: Sequence[str], text: str, actor: Actor) -> int:
    """What somebody has to say of them, in the clear; "" takes it back."""
    said = plain_text(text.strip(), LONGEST_NOTE)
    with writing():
        changed = rows_of(digests).exclude(note=said).update(note=said)
        return told(changed, "completion.noted", digests, actor, {"note": said})


def purging(choice: Choice, now: float, actor: Actor, budget_seconds: float) -> Iterator[Counter[str]]:
    """Remove the chosen completions from both tiers, batch by batch, each counted under `completions`; `unfinished`: 1
    where the time was too short for all. The audit log is told before the first, with how many there are. now: Unix
    s."""
    found = amount(choice.rows())
    if not found.rows:
        return
    audit.note(actor, "completion.purged", None, {**choice.said(), "count": found.rows, "bytes": found.size})
    yield from repeated(remove_chosen(choice, now), BATCH, time.monotonic() + budget_seconds)


def replace(row: StoredCompletion, fresh: Fresh, actor: Actor, now: float) -> None:
    """Give an entry the answer of a re-run, for as long as the one before was to live."""
    slot = Slot(bytes.fromhex(row.digest), row.scope)
    life = max(1, int((row.expires_at - row.created_at).total_seconds()))
    completion = Completion(
        fresh.answer, fresh.provider, fresh.model, fresh.endpoint_name, now, life, fresh.dropped, headers_of(row)
    )
    value = value_of(slot, completion)
    ends = moment(completion.expires_at())
    with writing():
        rows_of([row.digest]).update(
            answer_sealed=value,
            size=len(value) + len(row.request_sealed),
            provider=fresh.provider,
            model=fresh.model,
            endpoint_name=fresh.endpoint_name,
            request_id=fresh.request_id,
            created_at=moment(now),
            used_at=moment(now),
            expires_at=ends,
            kept_until=None if row.pinned or row.cassette else ends + grace(),
            input_tokens=fresh.input_tokens,
            output_tokens=fresh.output_tokens,
            cost_usd=fresh.cost_usd,
        )
        CompletionWord.objects.filter(digest=row.digest).update(created_at=moment(now))
        audit.note(actor, "completion.replaced", row, {"call": fresh.request_id})
        transaction.on_commit(partial(forget, row.digest))


def headers_of(row: StoredCompletion) -> Mapping[str, str]:
    """Those that it was asked with, which an export tells."""
    try:
        return completion_of(row).headers
    except (SealBroken, ValueError):
        return {}


@contextmanager
def writing() -> Iterator[None]:
    with transaction.atomic():
        hold_until_commit(TABLES)
        yield


def rows_of(digests: Sequence[str]) -> QuerySet[StoredCompletion]:
    return StoredCompletion.objects.filter(digest__in=digests)


def told(changed: int, action: str, digests: Sequence[str], actor: Actor, more: Mapping[str, Any] = NOTHING) -> int:
    if changed:
        audit.note(actor, action, None, {"count": changed, "digests": list(digests), **more})
    return changed


def grace() -> timedelta:
    return timedelta(seconds=settings.DRAGOMAN_CACHE_GRACE)
