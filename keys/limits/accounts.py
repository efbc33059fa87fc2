"""What a call is counted against: the limits of all its subjects, and the name in Redis under which each is counted.

Pure. Names are complete: an account can be read back from its name, so that whoever finds one in Redis (a process that
died may have left it) can ask the ledger for its sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal, cast

from keys.limits.periods import end_of, start_of
from keys.limits.subjects import Allowance, Subject

SubjectKind = Literal["key", "project", "installation"]
Unit = Literal["usd", "tokens", "requests"]
MICRO = 1_000_000
MOST_COUNTED = 10**17  # of one process: 90 of them stay below Redis's 64 bits


@dataclass(frozen=True, slots=True)
class Account:
    """What a budget's period adds up: calls of the subject that came from `since` on and before `until` (Unix s)."""

    kind: SubjectKind
    id: str
    budget: str
    unit: Unit
    since: float
    until: float

    @property
    def name(self) -> str:
        return f"b:{self.kind}:{self.id}:{self.budget}:{self.unit}:{round(self.since * MICRO)}:{round(self.until)}"


def account_named(name: str) -> Account:
    """The account whose `name` this is. Raises ValueError for any other text."""
    mark, kind, owner, budget, unit, since, until = name.split(":")
    if mark != "b":
        raise ValueError(name)
    return Account(cast("SubjectKind", kind), owner, budget, cast("Unit", unit), int(since) / MICRO, float(until))


def countable(amount: int) -> int:
    """A process's sum as Redis can count it: what providers say may be absurd."""
    return min(MOST_COUNTED, max(0, amount))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one subject. kind: requests or tokens a minute, calls at the same time, or a budget; name: its key
    in Redis, behind the epoch's; allowance, account: of a budget."""

    kind: Literal["window", "gauge", "budget"]
    subject: Subject
    unit: Unit
    most: int
    name: str
    allowance: Allowance | None = None
    account: Account | None = None


def limits_of(subjects: tuple[Subject, ...], now: float) -> tuple[Limit, ...]:
    """All limits that a call at `now` (Unix s) counts against, subject by subject."""
    return tuple(limit for subject in subjects for limit in (*_rates(subject), *_budgets(subject, now)))


def valid_until(limits: tuple[Limit, ...]) -> float:
    """Until when limits_of says the same: the end of the first period to end. Unix s."""
    return min((limit.account.until for limit in limits if limit.account is not None), default=inf)


def _rates(subject: Subject) -> list[Limit]:
    place = f"{subject.kind}:{subject.id}"
    rates = (
        ("window", "requests", subject.requests_per_minute, f"r:{place}"),
        ("window", "tokens", subject.tokens_per_minute, f"t:{place}"),
        ("gauge", "requests", subject.concurrent_requests, f"c:{place}"),
    )
    return [Limit(kind, subject, unit, most, name) for kind, unit, most, name in rates if most is not None]  # type: ignore[arg-type]  # literals, in a loop


def _budgets(subject: Subject, now: float) -> list[Limit]:
    found = [(allowance, account_of(subject, allowance, now)) for allowance in subject.budgets]
    return [
        Limit("budget", subject, allowance.unit, allowance.amount, account.name, allowance, account)
        for allowance, account in found
    ]


def account_of(subject: Subject, allowance: Allowance, now: float) -> Account:
    """A budget that was reset by hand in this period counts from then on, under a name of its own."""
    since = max(start_of(allowance.period, now), allowance.since if allowance.since <= now else 0.0)
    return Account(subject.kind, subject.id, allowance.id, allowance.unit, since, end_of(allowance.period, now))
