"""Filters of the list of keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from keys.admin.bars import bars
from keys.models import VirtualKey

SOON = timedelta(days=7)
MOST_BUDGETED = 1000  # keys whose budgets one page asks for
Rows = QuerySet[VirtualKey]


def usable(now: datetime) -> Q:
    """As VirtualKey.state() says `active`."""
    return Q(revoked_at=None, enabled=True) & ~Q(expires_at__lte=now)


STATES: dict[str, Callable[[datetime], Q]] = {
    "active": usable,
    "off": lambda now: Q(revoked_at=None, enabled=False) & ~Q(expires_at__lte=now),
    "expires soon": lambda now: usable(now) & Q(expires_at__lte=now + SOON),
    "expired": lambda now: Q(revoked_at=None, expires_at__lte=now),
    "revoked": lambda now: Q(revoked_at__isnull=False),
}


class StateFilter(SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        chosen = STATES.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen(timezone.now()))


class TagFilter(SimpleListFilter):
    """By the tags that keys have: compared here, since SQLite cannot look into a list."""

    title = parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tag, tag) for tag in sorted({tag for _, tags in tagged() for tag in tags})]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        tag = self.value()
        return queryset if tag is None else queryset.filter(pk__in=[key for key, tags in tagged() if tag in tags])


class OwnerFilter(SimpleListFilter):
    title = parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        owners = VirtualKey.objects.order_by("owner").values_list("owner", flat=True).distinct()
        return [(owner, owner or "-") for owner in owners]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        owner = self.value()
        return queryset if owner is None else queryset.filter(owner=owner)


def tagged() -> list[tuple[str, list[str]]]:
    """(id, tags) of the keys that have any."""
    rows = VirtualKey.objects.exclude(tags=[]).order_by().values_list("id", "tags")
    return [(key, [str(tag) for tag in tags]) for key, tags in rows]


class BudgetFilter(SimpleListFilter):
    title = parameter_name = "budget"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("over", "used up"), ("near", "nearly used up"), ("any", "has one"), ("none", "has none")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "none":
                return queryset.filter(budgets=None)
            case "any":
                return queryset.exclude(budgets=None)
            case "over" | "near" as level:
                return queryset.filter(pk__in=at_level(level))
            case _:
                return queryset


def at_level(level: str) -> list[str]:
    """Keys that may call, and whose fullest budget is over, or near its end: by the newest of those with budgets."""
    rows = VirtualKey.objects.filter(usable(timezone.now())).exclude(budgets=None).prefetch_related("budgets")
    keys = list(rows[:MOST_BUDGETED])
    return [key.pk for key, found in zip(keys, bars(keys), strict=True) if found and found[0].level == level]
