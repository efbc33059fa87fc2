"""Sums of calls, by what somebody wants to know: who spent how much, on what, when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from django.db.models import Case, CharField, Count, Expression, F, Max, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Concat, TruncDate

from cache_admin.choosing import ids
from cache_admin.dashboard import FINE, HITS, PAID
from cache_admin.models import UsageRecord
from keys.ids import first_id
from keys.models import Project, VirtualKey

By = Literal["key", "project", "model", "day"]
PLAIN = ("provider", "status", "cache")
OWNERS: Mapping[str, type[VirtualKey] | type[Project]] = {"key": VirtualKey, "project": Project}
MODEL = Case(When(model_served="", then=F("model_asked")), default=F("model_served"))
GROUPS: Mapping[By, Expression | F] = {
    "key": F("key_id"),
    "project": F("project_id"),
    "model": Case(When(provider="", then=MODEL), default=Concat("provider", Value("/"), MODEL)),
    "day": Cast(TruncDate("at", tzinfo=UTC), CharField()),
}
NAMES = {"key": "key_name", "project": "project_name"}  # the latest of them: a key may be called otherwise since
SUMS = {
    "calls": Count("*"),
    "failed": Count("status", filter=~Q(status__in=FINE)),
    "hits": Count("cache", filter=Q(cache__in=HITS)),
    # Before the sums: behind them, the columns' names would mean those.
    "unpriced": Count("status", filter=Q(cost_usd=None, output_tokens__gt=0) & PAID),
    "input_tokens": Sum("input_tokens", filter=PAID, default=0),
    "output_tokens": Sum("output_tokens", filter=PAID, default=0),
    "cost_usd": Sum("cost_usd", filter=PAID, default=0),
}


def chosen(wanted: Mapping[str, Any]) -> QuerySet[UsageRecord]:
    """The calls that fit all of `wanted`: key, project (id or name), model, provider, status, cache, and since, until
    (datetimes), which the ids are in the order of."""
    plain = {name: value for name, value in wanted.items() if name in PLAIN}
    owned = {f"{name}_id__in": ids(model, wanted[name]) for name, model in OWNERS.items() if wanted.get(name)}
    rows = UsageRecord.objects.filter(**plain, **owned)
    if "model" in wanted:
        rows = rows.filter(Q(model_asked=wanted["model"]) | Q(model_served=wanted["model"]))
    if "since" in wanted:
        rows = rows.filter(id__gte=first_id(seconds(wanted["since"])))
    return rows.filter(id__lt=first_id(seconds(wanted["until"]))) if "until" in wanted else rows


def seconds(moment: datetime) -> float:
    return moment.timestamp()


def summed(rows: QuerySet[UsageRecord], by: By) -> list[dict[str, Any]]:
    """A line of each group, in the order of their ids: id, name, and SUMS. Hits are calls, and cost nothing."""
    grouped = rows.order_by().annotate(group=GROUPS[by]).values("group")
    lines: Any = grouped.annotate(**SUMS, named=Max(NAMES[by]) if by in NAMES else Max("group")).order_by("group")
    return [{"id": line.pop("group") or "", "name": line.pop("named") or "", **line} for line in lines]
