"""The page of what the cache has saved: two charts, and the same figures as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cache_admin.admin.completions.charts import Axis, Chart, chart, round_top
from cache_admin.savings import MOST_CALLS, Part, savings, total
from cache_admin.shown import NONE, counted, roughly
from keys.admin.filters import PRESETS
from keys.admin.shown import page

SPANS = {"24h": 3600, "7d": 6 * 3600, "30d": 86400}  # seconds of a bar


def savings_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """`?since=24h`, `7d` or `30d`."""
    user: Any = request.user
    if not (admin.has_view_permission(request) and user.has_perm("cache_admin.view_usagerecord")):
        raise PermissionDenied
    since = request.GET.get("since", "")
    span = since if since in SPANS else "7d"
    now = time.time()
    parts, bounded = savings(now - PRESETS[span][0], now, SPANS[span])
    axis = Axis([part.begins for part in parts], SPANS[span])
    context = {
        "title": "What the cache saves",
        "span": span,
        "spans": [(name, PRESETS[name][1]) for name in SPANS],
        "tiles": tiles(total(parts), span),
        "charts": charts(axis, parts),
        "lines": [line(axis, part) for part in reversed(parts)],
        "bounded": bounded,
        "most": MOST_CALLS,
    }
    return page(admin, request, "cache_admin/savings.html", context)


def tiles(whole: Part, span: str) -> list[tuple[str, str, str, str]]:
    """See templates/cache_admin/tiles.html."""
    log = f"{reverse('admin:cache_admin_usagerecord_changelist')}?since={span}"
    rate = NONE if whole.rate is None else f"{whole.rate:.0%}"
    without = f"{whole.unpriced:,} hits without a price" if whole.unpriced else "at today's prices"
    return [
        ("Hit rate", rate, f"{whole.hits:,} of {whole.looked_up:,} looked up", f"{log}&cache=hit"),
        ("Saved", roughly(whole.usd), without, f"{log}&cache=hit"),
        ("Tokens saved", counted(whole.tokens), "in and out, not paid again", f"{log}&cache=hit"),
        ("Looked up", counted(whole.looked_up), "calls that may be cached", log),
    ]


def charts(axis: Axis, parts: Sequence[Part]) -> list[Chart]:
    usd = [float(part.usd) for part in parts]
    return [
        chart("Hit rate", axis, [part.rate or 0.0 for part in parts], 1.0, "{:.0%}".format),
        chart("USD saved", axis, usd, round_top(usd), lambda value: roughly(Decimal(value))),
    ]


def line(axis: Axis, part: Part) -> tuple[str, ...]:
    """A row of the table."""
    rate = NONE if part.rate is None else f"{part.rate:.0%}"
    figures = (counted(part.looked_up), counted(part.hits), rate, counted(part.tokens), roughly(part.usd))
    return axis.moment(part.begins), *figures
