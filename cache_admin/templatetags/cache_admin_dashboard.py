"""The dashboard for the admin's first page, for who may see the usage log."""

from __future__ import annotations

import time
from typing import Any

from django import template
from django.urls import reverse

from cache_admin.dashboard import Day, last_day, recent_failures
from cache_admin.models import UsageRecord
from cache_admin.shown import NONE, STATUS_COLOURS, counted, dollars, roughly, split, unpriced, words

register = template.Library()


@register.inclusion_tag("cache_admin/dashboard.html", takes_context=True)
def usage_dashboard(context: dict[str, Any]) -> dict[str, Any]:
    """Tiles of the last 24 hours, and the newest failures. Empty for who may not see usage records."""
    if not context["request"].user.has_perm("cache_admin.view_usagerecord"):
        return {"tiles": []}
    now = time.time()
    day = last_day(now)
    rate = NONE if day.hit_rate is None else f"{day.hit_rate:.0%}"
    log = reverse("admin:cache_admin_usagerecord_changelist")
    tiles = [
        ("Calls", f"{day.calls:,}", f"{day.failed:,} failed", f"{log}?since=24h"),
        ("Cache hits", rate, looked_up(day), f"{log}?since=24h&cache=hit"),
        ("Tokens", f"{day.received + day.sent:,}", split(day.received, day.sent), log),
        ("Cost", roughly(day.cost), unpriced(day.unpriced, day.calls), log),
    ]
    return {"tiles": tiles, "bounded": day.bounded, "calls": day.calls, "failures": failures(now)}


def failures(now: float) -> list[tuple[UsageRecord, str, str]]:
    """(row, its status in words, the colour of it), newest first."""
    named = ((row, words(row.status)) for row in recent_failures(now))
    return [(row, status, STATUS_COLOURS.get(status, "danger")) for row, status in named]


def looked_up(day: Day) -> str:
    return f"{day.hits:,} of {day.looked_up:,} looked up" if day.looked_up else "nothing looked up"


register.filter("figure", counted)
register.filter("usd", dollars)
register.filter("roughly", roughly)
