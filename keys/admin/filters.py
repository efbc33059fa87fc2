"""Filters of the lists: each is answered by an index, and so are its choices.

Django's own choices come from SELECT DISTINCT, which reads the whole table. Here the distinct values are stepped
through by index, one row each: https://wiki.postgresql.org/wiki/Loose_indexscan
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from keys.ids import first_id

MOST = 60
PRESETS = {
    "1h": (3600, "Last hour"),
    "24h": (86400, "Last 24 hours"),
    "7d": (7 * 86400, "Last 7 days"),
    "30d": (30 * 86400, "Last 30 days"),
}


def distinct(model: type[Model], column: str, shown: str) -> Iterator[tuple[str, str]]:
    """(value, what to show for it) for each value of an indexed `column`, at most MOST, in their order."""
    rows = model._default_manager.order_by(column)
    last = ""
    for _ in range(MOST):
        row = rows.filter(**{f"{column}__gt": last}).values_list(column, shown).first()
        if row is None:
            return
        last = row[0]
        yield last, row[1] or last


class ColumnFilter(SimpleListFilter):
    """Equal to one of the values that the column has."""

    column = ""
    shown = ""
    coded = False  # a code of ours, not a name that somebody gave: upstream_error is read as upstream error

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = distinct(model_admin.model, self.column, self.shown or self.column)
        return [(value, text.replace("_", " ") if self.coded else text) for value, text in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{self.column: value.replace("\x00", "")})


class PresetFilter(SimpleListFilter):
    """Newer than a preset: by id, which begins with the time, or by `created_at`."""

    title, parameter_name = "time", "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, text) for name, (_, text) in PRESETS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        preset = PRESETS.get(self.value() or "")
        return queryset if preset is None else self.newer(queryset, preset[0])

    def newer(self, queryset: QuerySet[Any], seconds: int) -> QuerySet[Any]:
        return queryset.filter(id__gte=first_id(time.time() - seconds))
