"""Budgets begun anew by hand: what was used before the reset does not count any more."""

from __future__ import annotations

from datetime import datetime

from keys.models import Budget


def reset(budget: Budget, now: datetime) -> None:
    """Its present period counts from `now` on; every process knows within a second."""
    budget.reset_at = now
    budget.save(update_fields=["reset_at"])
