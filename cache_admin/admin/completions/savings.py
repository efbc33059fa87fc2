"""The page of what the cache has saved: two charts drawn here as SVG, and the same figures as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cache_admin.savings import MOST_CALLS, Part, savings, total
from cache_admin.shown import NONE, counted, roughly
from keys.admin.filters import PRESETS
from keys.admin.shown import page

SPANS = {"24h": 3600, "7d": 6 * 3600, "30d": 86400}  # seconds of a bar
WIDTH, HEIGHT, GAP = 600, 120, 2


class Bar(NamedTuple):
    """In units of the drawing; said: what it stands for."""

    x: float
    y: float
    width: float
    height: float
    said: str


class Chart(NamedTuple):
    """title, top: what the highest line of the drawing means; begins, ends: the times at its two ends."""

    title: str
    top: str
    begins: str
    ends: str
    bars: list[Bar]


def savings_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """`?since=24h`, `7d` or `30d`."""
    user: Any = request.user
    if not (admin.has_view_permission(request) and user.has_perm("cache_admin.view_usagerecord")):
        raise PermissionDenied
    since = request.GET.get("since", "")
    span = since if since in SPANS else "7d"
    now = time.time()
    parts, bounded = savings(now - PRESETS[span][0], now, SPANS[span])
    context = {
        "title": "What the cache saves",
        "span": span,
        "spans": [(name, PRESETS[name][1]) for name in SPANS],
        "tiles": tiles(total(parts), span),
        "charts": charts(parts),
        "lines": [line(part) for part in reversed(parts)],
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


def charts(parts: Sequence[Part]) -> list[Chart]:
    most = max((part.usd for part in parts), default=Decimal(0))
    shares = [float(part.usd / most) if most else 0.0 for part in parts]
    begins, ends = moment(parts[0]), moment(parts[-1])
    rates = [part.rate or 0.0 for part in parts]
    return [
        Chart("Hit rate", "100 %", begins, ends, bars(rates, [f"{moment(one)}: {rate(one)}" for one in parts])),
        Chart(
            "USD saved",
            roughly(most or None),
            begins,
            ends,
            bars(shares, [f"{moment(one)}: {roughly(one.usd)}" for one in parts]),
        ),
    ]


def bars(shares: Sequence[float], said: Sequence[str]) -> list[Bar]:
    """shares: of the drawing's height."""
    step = WIDTH / len(shares)
    drawn = [round(share * HEIGHT, 1) for share in shares]
    return [
        Bar(round(place * step, 1), HEIGHT - height, round(step - GAP, 1), height, text)
        for place, (height, text) in enumerate(zip(drawn, said, strict=True))
    ]


def line(part: Part) -> tuple[str, str, str, str, str, str]:
    """A row of the table."""
    figures = (counted(part.looked_up), counted(part.hits), rate(part), counted(part.tokens), roughly(part.usd))
    return moment(part), *figures


def rate(part: Part) -> str:
    return NONE if part.rate is None else f"{part.rate:.0%}"


def moment(part: Part) -> str:
    return f"{datetime.fromtimestamp(part.begins, UTC):%Y-%m-%d %H:%M}"
