"""Rows from the spool land in the tables, each batch in one transaction, so that landing twice changes nothing.

Invariants: a final usage record is never changed; of a completion the newest counts, with the pin and the note that it
has; a hit is counted together with the first landing of its final usage record, and never again; a key's last use only
ever grows later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Q

from cache_admin import prices, words
from cache_admin.locks import TABLES, hold_until_commit
from cache_admin.models import StoredCompletion, UsageBody, UsageRecord
from cache_admin.rows import OPEN, Rows, moment
from cache_admin.savings import Tokens
from keys.models import VirtualKey

STATEMENT_ROWS = 500
_KEPT = {"digest", "hits", "last_hit_at", "pinned", "note"}
_USAGE_COLUMNS = [column.name for column in UsageRecord._meta.concrete_fields if not column.primary_key]
_COMPLETION_COLUMNS = [column.name for column in StoredCompletion._meta.concrete_fields if column.name not in _KEPT]


def land(rows: Rows, now: float) -> Counter[str]:
    """Write a batch; what was new is counted. Raises django.db.Error's children, having written nothing."""
    with transaction.atomic():
        _commit_to_disk()
        hold_until_commit(TABLES)
        completions = _land_completions(rows.completions.values(), moment(now))
        UsageBody.objects.bulk_create(rows.bodies.values(), STATEMENT_ROWS, ignore_conflicts=True)
        usage = _land_usage(rows.usage.values())
    return Counter(completions=completions, bodies=len(rows.bodies), usage=usage)


def mark_aborted(instance: str) -> int:
    """Calls that a process began and did not live to end. Only once all that it wrote has landed."""
    with transaction.atomic():
        _commit_to_disk()
        return abort(UsageRecord.objects.filter(status=OPEN, instance=instance))


def abort(rows: Iterable[UsageRecord]) -> int:
    """What was sent may be billed, and nobody has told what came of it: it costs what the request does."""
    found = list(rows)
    for row in found:
        row.status, row.cost_usd = "aborted", priced(row)
    UsageRecord.objects.bulk_update(found, ["status", "cost_usd"], STATEMENT_ROWS)
    return len(found)


def priced(row: UsageRecord) -> Decimal | None:
    """USD for the request of a call that has not ended; None where nothing is known of it, or of its price."""
    if row.input_tokens is None:
        return None
    return prices.cost(row.provider, row.model_served, Tokens(row.input_tokens, 0, 0, 0))


def _commit_to_disk() -> None:
    """What has landed goes from the spool, so this transaction's end must outlive the server, even one that commits
    asynchronously for others: https://www.postgresql.org/docs/current/wal-async-commit.html"""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', true)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )


def _land_usage(rows: Collection[UsageRecord]) -> int:
    known = dict(UsageRecord.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "status"))
    news = [row for row in rows if row.pk not in known or (known[row.pk] == OPEN and row.status != OPEN)]
    UsageRecord.objects.bulk_create(
        news, STATEMENT_ROWS, update_conflicts=True, unique_fields=["id"], update_fields=_USAGE_COLUMNS
    )
    _count_hits(row for row in news if row.cache == "hit" and row.status != OPEN and row.cache_digest)
    _note_use(news)
    return len(news)


def _note_use(news: Iterable[UsageRecord]) -> None:
    """When each key was last used: a statement a key, in one order, so that no two shippers wait for each other.
    Without save() the revision stays as it is: no process drops its copies for this."""
    latest: dict[str, datetime] = {}
    for row in news:
        latest[row.key_id] = max(row.at, latest.get(row.key_id, row.at))
    for key_id, at in sorted(latest.items()):
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=at)
        VirtualKey.objects.filter(earlier, pk=key_id).update(last_used_at=at)


def _count_hits(news: Iterable[UsageRecord]) -> None:
    hits: Counter[str] = Counter()
    latest: dict[str, datetime] = {}
    for row in news:
        hits[row.cache_digest] += 1
        latest[row.cache_digest] = max(row.at, latest.get(row.cache_digest, row.at))
    found = list(StoredCompletion.objects.filter(pk__in=latest).only("digest", "hits", "last_hit_at", "used_at"))
    for completion in found:
        completion.hits += hits[completion.digest]
        last = latest[completion.digest]
        completion.last_hit_at = max(last, completion.last_hit_at or last)
        completion.used_at = max(last, completion.used_at)
    StoredCompletion.objects.bulk_update(found, ["hits", "last_hit_at", "used_at"], batch_size=200)


def _land_completions(rows: Iterable[StoredCompletion], now: datetime) -> int:
    for row in rows:
        row.kept_until = None if row.cassette else row.expires_at + timedelta(seconds=settings.DRAGOMAN_CACHE_GRACE)
    alive = [row for row in rows if row.kept_until is None or row.kept_until > now]
    known = StoredCompletion.objects.only("created_at", "pinned").in_bulk([row.digest for row in alive])
    news = [row for row in alive if row.digest not in known or row.created_at > known[row.digest].created_at]
    _count_earlier_hits([row for row in news if row.digest not in known])
    for row in news:
        if row.digest in known and known[row.digest].pinned:
            row.kept_until = None
    StoredCompletion.objects.bulk_create(
        news, STATEMENT_ROWS, update_conflicts=True, unique_fields=["digest"], update_fields=_COMPLETION_COLUMNS
    )
    words.index(news)
    return len(news)


def _count_earlier_hits(news: list[StoredCompletion]) -> None:
    """A hit may land before the completion that it hit: two processes' files are read one after the other."""
    if not news:
        return
    earliest = min(row.created_at for row in news)
    hits = UsageRecord.objects.filter(cache_digest__in=[row.digest for row in news], cache="hit", at__gte=earliest)
    counted = hits.exclude(status=OPEN).values("cache_digest").annotate(n=Count("pk"), last=Max("at"))
    found = {hit["cache_digest"]: hit for hit in counted}
    for row in news:
        if row.digest in found:
            row.hits, row.last_hit_at = found[row.digest]["n"], found[row.digest]["last"]
            row.used_at = max(row.created_at, row.last_hit_at)
