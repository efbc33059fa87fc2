"""What one key or one project has used: the sums of a time, by model, and its last calls. Bounded, and by index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from cache_admin import summing
from cache_admin.models import UsageRecord
from cache_admin.shown import STATUS_COLOURS, roughly, split, unpriced, words
from keys.admin.filters import PRESETS
from keys.admin.shown import page
from keys.ids import first_id
from keys.models import Project, VirtualKey

OWNERS: dict[str, tuple[str, type[VirtualKey] | type[Project]]] = {
    "key": ("key_id", VirtualKey),
    "project": ("project_id", Project),
}
MOST_CALLS = 50_000  # 0.1 s on PostgreSQL; busier ones are told by their newest calls, and the page says so
LAST_CALLS = 20
MOST_MODELS = 100
SPANS = ("24h", "7d", "30d")


@dataclass(frozen=True, slots=True)
class Spent:
    """lines: one a model, the dearest first, of the `SUMS` in summing.py; total: their sum; last: the newest calls;
    bounded: older calls of the time are left out."""

    lines: list[dict[str, Any]]
    total: dict[str, Any]
    last: list[UsageRecord]
    bounded: bool


def spent(column: str, id: str, since: float) -> Spent:
    """Of calls since `since` (Unix s) whose `column`, which an index begins with, is `id`."""
    rows = UsageRecord.objects.filter(**{column: id}, id__gte=first_id(since))
    last = list(rows.order_by("-id")[:LAST_CALLS])
    oldest = rows.order_by("-id").values_list("id", flat=True)[MOST_CALLS : MOST_CALLS + 1].first()
    lines = summing.summed(rows if oldest is None else rows.filter(id__gt=oldest), "model")
    lines.sort(key=lambda line: (-line["cost_usd"], -line["calls"]))
    return Spent(lines[:MOST_MODELS], total_of(lines), last, oldest is not None)


def total_of(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: sum((line[name] for line in lines), Decimal(0) if name == "cost_usd" else 0) for name in summing.SUMS}


def spent_page(admin: Any, request: HttpRequest, kind: str, id: str) -> HttpResponse:
    """`?since=24h`, `7d` or `30d`."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    column, model = OWNERS.get(kind, ("", VirtualKey))
    owner = model._default_manager.filter(pk=id.replace("\x00", "")).first() if column else None
    if owner is None:
        raise Http404
    since = request.GET.get("since", "")
    span = since if since in SPANS else SPANS[0]
    found = spent(column, id, time.time() - PRESETS[span][0])
    log = f"{reverse('admin:cache_admin_usagerecord_changelist')}?{kind}={id}&since={span}"
    context = {
        "title": f"Usage of {owner}",
        "owner": owner,
        "kind": kind,
        "span": span,
        "spans": [(name, PRESETS[name][1]) for name in SPANS],
        "log": log,
        "total": found.total,
        "tiles": tiles(found.total, log),
        "lines": found.lines,
        "last": [shown(row) for row in found.last],
        "bounded": found.bounded,
        "most": MOST_CALLS,
    }
    return page(admin, request, "cache_admin/spent.html", context)


def tiles(total: dict[str, Any], log: str) -> list[tuple[str, str, str, str]]:
    """(heading, figure, what there is to say of it, where it leads)."""
    calls, hits = total["calls"], total["hits"]
    part = f"{hits / calls:.0%} of all calls" if calls else "nothing asked"
    tokens = total["input_tokens"], total["output_tokens"]
    return [
        ("Calls", f"{calls:,}", f"{total['failed']:,} failed", log),
        ("Cache hits", f"{hits:,}", part, f"{log}&cache=hit"),
        ("Tokens", f"{sum(tokens):,}", split(*tokens), log),
        ("Cost", roughly(total["cost_usd"]), unpriced(total["unpriced"], calls), log),
    ]


def shown(row: UsageRecord) -> tuple[UsageRecord, str, str]:
    """(row, its status in words, the colour of it)."""
    status = words(row.status)
    return row, status, STATUS_COLOURS.get(status, "danger")
