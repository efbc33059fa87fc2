"""What the admin's first page says of the last 24 hours: one aggregate over a bounded number of the newest calls."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from cache_admin.models import UsageRecord
from cache_admin.rows import OPEN
from keys.ids import first_id

SECONDS = 86400
MOST_CALLS = 50_000  # 0.1 s on PostgreSQL; a busier day is shown by its newest calls, and the page says so
RECENT_FAILURES = 8
FINE = ("ok", OPEN)
HITS = ("hit", "joined")
PAID = ~Q(cache__in=HITS)  # a hit's row says what was served; nobody was paid for it a second time
LOOKED_UP = (*HITS, "stored", "miss", "stale")


@dataclass(frozen=True, slots=True)
class Day:
    """calls and what became of them; received, sent: tokens of providers; cost: USD; unpriced: those of a provider
    whose cost nobody knows; hit_rate: of the calls that asked the cache, None where none did; bounded: older calls
    are left out."""

    calls: int
    failed: int
    hits: int
    looked_up: int
    received: int
    sent: int
    cost: Decimal | None
    unpriced: int
    bounded: bool

    @property
    def hit_rate(self) -> float | None:
        return self.hits / self.looked_up if self.looked_up else None


def last_day(now: float) -> Day:
    """The 24 hours before `now` (Unix s), or the newest MOST_CALLS calls of them."""
    columns = ("status", "cache", "input_tokens", "output_tokens", "cost_usd")
    newest = UsageRecord.objects.filter(id__gte=first_id(now - SECONDS)).order_by("-id")
    found: dict[str, Any] = newest.values(*columns)[:MOST_CALLS].aggregate(
        calls=Count("*"),
        failed=Count("status", filter=~Q(status__in=FINE)),
        hits=Count("cache", filter=Q(cache__in=HITS)),
        looked_up=Count("cache", filter=Q(cache__in=LOOKED_UP)),
        received=Sum("input_tokens", filter=PAID, default=0),
        sent=Sum("output_tokens", filter=PAID, default=0),
        cost=Sum("cost_usd"),
        unpriced=Count("status", filter=Q(cost_usd=None, output_tokens__gt=0) & PAID),
    )
    return Day(**found, bounded=found["calls"] >= MOST_CALLS)


def recent_failures(now: float) -> list[UsageRecord]:
    """The newest calls of the day that failed: a few of each status by index, since failures may be rare."""
    oldest = first_id(now - SECONDS)
    found = [
        row
        for status in failing_statuses()
        for row in UsageRecord.objects.filter(status=status, id__gte=oldest).order_by("-id")[:RECENT_FAILURES]
    ]
    return sorted(found, key=lambda row: row.id, reverse=True)[:RECENT_FAILURES]


def failing_statuses() -> list[str]:
    """Those that the table holds, stepped through by index."""
    found: list[str] = []
    last = ""
    while True:
        rows = UsageRecord.objects.filter(status__gt=last).order_by("status")
        status = rows.values_list("status", flat=True).first()
        if status is None:
            return [name for name in found if name not in FINE]
        found.append(last := status)
