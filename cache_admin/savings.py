"""What the cache has saved: of the calls that asked it, how many it answered, and what those would have cost.

One aggregate over a bounded number of the newest calls, by the time that is in their ids. A hit's tokens are on its
record, so that what is purged since counts as well; they are priced as they are today.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Sum
from django.db.models.functions import TruncHour

from cache_admin import prices
from cache_admin.dashboard import HITS, LOOKED_UP
from cache_admin.models import UsageRecord
from keys.ids import first_id

MOST_CALLS = 50_000
TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens")


class Tokens(NamedTuple):
    """cache_admin.prices.Tokens."""

    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int


@dataclass(slots=True)
class Part:
    """A part of the time. begins: Unix seconds; looked_up: calls that asked the cache; hits: those it answered; tokens,
    usd: which these did not cost; unpriced: hits whose model has no price."""

    begins: float
    looked_up: int = 0
    hits: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def rate(self) -> float | None:
        return self.hits / self.looked_up if self.looked_up else None


def savings(since: float, until: float, width: int) -> tuple[list[Part], bool]:
    """Parts of `width` seconds (whole hours), the oldest first; and whether older calls are left out."""
    rows = UsageRecord.objects.filter(id__gte=first_id(since), id__lt=first_id(until))
    oldest = rows.order_by("-id").values_list("id", flat=True)[MOST_CALLS : MOST_CALLS + 1].first()
    rows = rows if oldest is None else rows.filter(id__gt=oldest)
    groups = rows.filter(cache__in=LOOKED_UP).order_by().annotate(hour=TruncHour("at", tzinfo=UTC))
    lines: Any = groups.values("hour", "cache", "provider", "model_served").annotate(
        n=Count("*"), **{f"sum_{name}": Sum(name, default=0) for name in TOKENS}
    )
    return folded(lines, since, until, width), oldest is not None


def folded(lines: Iterable[dict[str, Any]], since: float, until: float, width: int) -> list[Part]:
    first = int(since // width)
    parts = [Part(place * width) for place in range(first, int(until // width) + 1)]
    for line in lines:
        hour: datetime = line["hour"]
        place = min(max(int(hour.timestamp() // width) - first, 0), len(parts) - 1)
        add(parts[place], line)
    return parts


def add(part: Part, line: dict[str, Any]) -> None:
    part.looked_up += line["n"]
    if line["cache"] not in HITS:
        return
    tokens = Tokens(*(line[f"sum_{name}"] for name in TOKENS))
    price = prices.cost(line["provider"], line["model_served"], tokens)
    part.hits += line["n"]
    part.tokens += tokens.input_tokens + tokens.output_tokens
    part.usd += price or 0
    part.unpriced += line["n"] if price is None else 0


def total(parts: Iterable[Part]) -> Part:
    found = Part(0.0)
    for part in parts:
        for name in ("looked_up", "hits", "tokens", "usd", "unpriced"):
            setattr(found, name, getattr(found, name) + getattr(part, name))
    return found
