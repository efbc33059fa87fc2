"""The page of what purges have removed, when and why; and how full the cache is, which is what they look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from cache_admin.admin.completions.charts import DAY, Axis, Chart, chart, round_top
from cache_admin.admin.completions.searching import LIST
from cache_admin.models import Removal, StoredCompletion
from cache_admin.removing import Amount, amount
from cache_admin.shown import NONE
from keys.admin.shown import page

DAYS = 30
Reason = Removal.Reason


class Day(NamedTuple):
    """completions: how many went, by reason; size: bytes of them all."""

    day: date
    completions: Mapping[str, int]
    size: int

    @property
    def total(self) -> int:
        return sum(self.completions.values())


def removals_page(admin: Any, request: HttpRequest) -> HttpResponse:
    if not admin.has_view_permission(request):
        raise PermissionDenied
    today = timezone.now().date()
    days = days_of(Removal.objects.filter(day__gt=today - timedelta(days=DAYS)), today)
    context = {
        "title": "What purges removed",
        "tiles": tiles(amount(StoredCompletion.objects.all()), days),
        "chart": drawn(days),
        "reasons": Reason.labels,
        "lines": [line(one) for one in reversed(days) if one.total],
    }
    return page(admin, request, "cache_admin/removals.html", context)


def days_of(rows: Iterable[Removal], today: date) -> list[Day]:
    """Each day up to `today`, the oldest first, whether something went or not."""
    found: dict[date, dict[str, int]] = defaultdict(dict)
    size: dict[date, int] = defaultdict(int)
    for row in rows:
        found[row.day][row.reason] = row.completions
        size[row.day] += row.size
    days = (today - timedelta(days=ago) for ago in reversed(range(DAYS)))
    return [Day(day, found[day], size[day]) for day in days]


def tiles(kept: Amount, days: Iterable[Day]) -> list[tuple[str, str, str, str]]:
    """See templates/cache_admin/tiles.html."""
    where, days = reverse(LIST), list(days)
    most, most_bytes = settings.DRAGOMAN_CACHE_MAX_ROWS, settings.DRAGOMAN_CACHE_MAX_TOTAL_BYTES
    gone = sum(day.total for day in days)
    freed = sum(day.size for day in days)
    return [
        ("Kept", f"{kept.rows:,}", f"of {most:,} at most" if most else "as many as there are", where),
        ("Size", filesizeformat(kept.size), f"of {filesizeformat(most_bytes)} at most" if most_bytes else "", where),
        ("Removed", f"{gone:,}", f"in {DAYS} days", ""),
        ("Freed", filesizeformat(freed), f"in {DAYS} days", ""),
    ]


def drawn(days: Iterable[Day]) -> Chart:
    days = list(days)
    axis = Axis([datetime.combine(day.day, time(), UTC).timestamp() for day in days], DAY)
    counts = [float(day.total) for day in days]
    return chart("Completions removed", axis, counts, max(2.0, round_top(counts)), "{:,.0f}".format)


def line(one: Day) -> tuple[str, ...]:
    """A row of the table."""
    figures = (one.completions.get(reason, 0) for reason in Reason.values)
    return f"{one.day}", *(f"{figure:,}" if figure else NONE for figure in figures), filesizeformat(one.size)
