"""Budgets as pages show them: how much is used and held of each, and when its period ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from keys import limits
from keys.entrance import callers
from keys.limits import Use
from keys.limits.subjects import NANO, Subject
from keys.models import Budget, InstallationLimits, Project, VirtualKey
from keys.reading import DatabaseAway

Limited = VirtualKey | Project | InstallationLimits
NEAR = 80  # percent from which a bar warns


@dataclass(frozen=True, slots=True)
class Bar:
    """One budget. full: percent of it that are used or held, more than 100 where it is passed; used, held: percent of
    the bar's width; ends: of the present period; since: its reset by hand, where that was within the period."""

    budget_id: str
    text: str
    full: int
    used: float
    held: float
    ends: datetime
    since: datetime | None

    @property
    def ends_said(self) -> str:
        """The hour only where it tells something."""
        return f"{self.ends:%Y-%m-%d}" if self.ends.hour == 0 else f"{self.ends:%Y-%m-%d %H:%M}"

    @property
    def level(self) -> str:
        return "over" if self.full >= 100 else "near" if self.full >= NEAR else "fine"


def bars(rows: Sequence[Limited]) -> list[list[Bar]]:
    """Of each row, the fullest first. Nothing where neither Redis nor the ledger can say."""
    try:
        found = limits.states([subject_of(row) for row in rows], time.time())
    except DatabaseAway:
        return [[] for _ in rows]
    return [sorted(map(bar_of, uses), key=lambda bar: -bar.full) for uses in found]


def subject_of(row: Limited) -> Subject:
    match row:
        case VirtualKey():
            return callers.subject("key", row.id, row, row.budgets.all())
        case Project():
            return callers.subject("project", row.id, row, row.budgets.all())
        case InstallationLimits():
            return callers.subject("installation", "all", row, budgets_of(row))
        case _:
            assert_never(row)


def budgets_of(row: Limited) -> Any:
    """A query of them."""
    if isinstance(row, InstallationLimits):
        return Budget.objects.filter(key=None, project=None)
    return row.budgets.all()


def bar_of(use: Use) -> Bar:
    used, held = share(use.used, use.amount), share(use.held, use.amount)
    return Bar(
        budget_id=use.budget_id,
        text=f"{amount(use.used, use.unit)} of {amount(use.amount, use.unit)} a {use.period}",
        full=int(used + held),
        used=min(used, 100.0),
        held=min(held, 100.0 - min(used, 100.0)),
        ends=datetime.fromtimestamp(use.end, UTC),
        since=datetime.fromtimestamp(use.since, UTC) if use.since > use.start else None,
    )


def share(part: int, whole: int) -> float:
    """In percent; of nothing, all is used."""
    return 100.0 * part / whole if whole else 100.0


def amount(number: int, unit: str) -> str:
    """Money to the cent; below a dollar, what there is of it to four digits."""
    if unit != "usd":
        return f"{number:,} {unit}"
    dollars = number / NANO
    return f"${dollars:,.2f}" if dollars >= 1 or not number else f"${max(dollars, 0.0001):.4f}".rstrip("0")


def drawn(bar: Bar) -> SafeString:
    return render_to_string("keys/bar.html", {"bar": bar})


class BudgetedChangeList(ChangeList):  # type: ignore[misc]  # Unfold is published without types
    """Each row of the page with its `bars`: one question to Redis for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        for row, found in zip(rows, bars(rows), strict=True):
            row.bars = found
        self.result_list = rows
