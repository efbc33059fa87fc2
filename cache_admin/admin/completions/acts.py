"""What is done to cached completions: kept, let go, ended, told apart by a note, given another answer.

Each act is one transaction with its word in the audit log, and Redis forgets what it had when that has ended: whoever
looks next reads the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Value, When

from cache_admin.completions import Completion, forget, read_value, value_of
from cache_admin.models import CompletionWord, StoredCompletion
from cache_admin.rerunning import Fresh
from cache_admin.rows import moment
from cache_admin.sealed import Slot
from keys import audit
from keys.audit import Actor
from keys.sealing import SealBroken

Act = Callable[[Sequence[str], Actor, datetime], int]
NOTE_LONGEST = 1000


def pin(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    """No purge takes them. How many there were."""
    return changed("completion.pinned", digests, actor, pinned=True, kept_until=None)


def unpin(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    until = Case(When(cassette=True, then=Value(None)), default=F("expires_at") + grace())
    return changed("completion.unpinned", digests, actor, pinned=False, kept_until=until)


def expire(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    """From now on they answer nobody, but who takes a stale answer."""
    until = Case(When(pinned=True, then=Value(None)), default=Value(now + grace()))
    return changed("completion.expired", digests, actor, expires_at=now, kept_until=until)


def purge(digests: Sequence[str], actor: Actor, now: datetime) -> int:
    with transaction.atomic():
        gone, _ = StoredCompletion.objects.filter(digest__in=digests).delete()
        told("completion.purged", digests, actor, gone)
    return gone


ACTS: dict[str, Act] = {"pin": pin, "unpin": unpin, "expire": expire}


def note(row: StoredCompletion, text: str, actor: Actor) -> None:
    with transaction.atomic():
        StoredCompletion.objects.filter(pk=row.pk).update(note=text.replace("\x00", "")[:NOTE_LONGEST])
        audit.note(actor, "completion.noted", row)


def replace(row: StoredCompletion, fresh: Fresh, actor: Actor, now: float) -> None:
    """Give an entry the answer of a re-run, for as long as the one before was to live."""
    slot = Slot(bytes.fromhex(row.digest), row.scope)
    life = max(1, int((row.expires_at - row.created_at).total_seconds()))
    completion = Completion(
        fresh.answer, fresh.provider, fresh.model, fresh.endpoint_name, now, life, fresh.dropped, name_of(row)
    )
    value = value_of(slot, completion)
    ends = moment(completion.expires_at())
    with transaction.atomic():
        StoredCompletion.objects.filter(pk=row.pk).update(
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


def name_of(row: StoredCompletion) -> str:
    """What its cassette calls it; without that it could not be exported."""
    try:
        return read_value(row.digest, row.scope, bytes(row.answer_sealed)).cassette_name
    except (SealBroken, ValueError, TypeError):
        return ""


def changed(action: str, digests: Sequence[str], actor: Actor, **columns: Any) -> int:
    with transaction.atomic():
        count = StoredCompletion.objects.filter(digest__in=digests).update(**columns)
        told(action, digests, actor, count)
    return count


def told(action: str, digests: Sequence[str], actor: Actor, count: int) -> None:
    audit.note(actor, action, None, {"count": count, "digests": list(digests)})
    for digest in digests:
        transaction.on_commit(partial(forget, digest))


def grace() -> timedelta:
    return timedelta(seconds=settings.DRAGOMAN_CACHE_GRACE)
