"""When a threshold is reached, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import orjson

from keys.limits.periods import end_of
from keys.limits.subjects import NANO
from keys.models import Budget, BudgetAlert

EVENT = "budget.threshold_reached"
INSTALLATION = "all"


@dataclass(frozen=True, slots=True)
class Notice:
    """id: the same in every try and channel; owner: of the budget; unit: usd, tokens or requests; since, until: of the
    period, or since its reset by hand; threshold: percent; at: when it was reached."""

    id: str
    budget_id: str
    owner_kind: str
    owner_id: str
    owner_name: str
    unit: str
    period: str
    since: datetime
    until: datetime
    threshold: int
    amount: Decimal
    used: Decimal
    at: datetime


def reached(thresholds: Iterable[object], used: int, amount: int) -> set[int]:
    """Those of the percentages that `used` has come to. Of a budget of nothing they are reached once it is used."""
    percents = {one for one in thresholds if isinstance(one, int) and one > 0}
    return {percent for percent in percents if used > 0 and used * 100 >= percent * amount}


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def quantity(number: int, unit: str) -> Decimal:
    """What is counted in nano-USD, in USD; all else as it is."""
    return Decimal(number) / NANO if unit == "usd" else Decimal(number)


def notice_of(alert: BudgetAlert) -> Notice:
    """Of an alert with its budget and the budget's owner."""
    budget = alert.budget
    kind, owner_id, name = owner(budget)
    since = alert.period_start
    return Notice(
        id=f"alert_{budget.id}_{round(since.timestamp() * 1_000_000)}_{alert.threshold}",
        budget_id=budget.id,
        owner_kind=kind,
        owner_id=owner_id,
        owner_name=" ".join(name.split()),
        unit=budget.unit,
        period=budget.period,
        since=since,
        until=moment(end_of(budget.period, since.timestamp())),  # type: ignore[arg-type]  # one of Period's values
        threshold=alert.threshold,
        amount=alert.amount,
        used=alert.used,
        at=alert.at,
    )


def owner(budget: Budget) -> tuple[str, str, str]:
    """(kind, id, name) of whom it is for, as limits know them."""
    if budget.key is not None:
        return "key", budget.key.id, budget.key.name
    if budget.project is not None:
        return "project", budget.project.id, budget.project.name
    return "installation", INSTALLATION, "the whole installation"


def payload(notice: Notice) -> bytes:
    """A webhook's body: type, timestamp and data, as https://www.standardwebhooks.com/ has them. Amounts are texts, so
    that no reader rounds them."""
    data = {
        "budget_id": notice.budget_id,
        "owner": {"kind": notice.owner_kind, "id": notice.owner_id, "name": notice.owner_name},
        "unit": notice.unit,
        "period": notice.period,
        "since": stamp(notice.since),
        "until": stamp(notice.until),
        "threshold_percent": notice.threshold,
        "amount": plain(notice.amount),
        "used": plain(notice.used),
    }
    return orjson.dumps({"type": EVENT, "timestamp": stamp(notice.at), "data": data})


def subject(notice: Notice) -> str:
    return f"{notice.threshold} % of a budget used: {notice.owner_name}"


def text(notice: Notice) -> str:
    """A mail's."""
    return (
        f"{whose(notice)} has used {plain(notice.used)} of {plain(notice.amount)} {words(notice.unit)} a "
        f"{notice.period}: {notice.threshold} % or more.\n\n"
        f"Counted since {stamp(notice.since)}; the period ends at {stamp(notice.until)}.\n"
        f"{'Further calls are refused until then.' if notice.used >= notice.amount else 'Calls go on.'}\n"
    )


def whose(notice: Notice) -> str:
    return (
        "The whole installation"
        if notice.owner_kind == "installation"
        else f"The {notice.owner_kind} {notice.owner_name}"
    )


def words(unit: str) -> str:
    return "USD" if unit == "usd" else unit


def plain(amount: Decimal) -> str:
    """Without zeros at its end, and never as 1E+2."""
    return f"{amount.normalize():f}"


def stamp(at: datetime) -> str:
    """RFC 3339, UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
