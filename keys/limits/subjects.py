"""Whose limits a call counts against, and how much they are. Pure: read once with the key, kept with its identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keys.limits.periods import Period

NANO = 1_000_000_000  # USD are counted in billionths: whole numbers, exact in Redis up to 9 million USD


@dataclass(frozen=True, slots=True)
class Allowance:
    """A budget: `amount` a period (by the calendar, UTC), in nano-USD, tokens or requests.

    since: Unix seconds of its last reset by hand; what was used earlier does not count.
    """

    id: str
    unit: Literal["usd", "tokens", "requests"]
    period: Period
    amount: int
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A key, a project, or the installation (id `all`), with its limits; None: none of that kind."""

    kind: Literal["key", "project", "installation"]
    id: str
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    budgets: tuple[Allowance, ...] = ()

    def limited(self) -> bool:
        limits = (self.requests_per_minute, self.tokens_per_minute, self.concurrent_requests)
        return bool(self.budgets) or any(limit is not None for limit in limits)
