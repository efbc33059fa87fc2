"""How much of its budgets a key, a project or the installation has used: for pages and the API, not for calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keys import redis
from keys.limits import ledger, scripts
from keys.limits.accounts import Account, Limit, Unit, limits_of
from keys.limits.periods import Period, start_of
from keys.limits.subjects import Subject


@dataclass(frozen=True, slots=True)
class Use:
    """One budget in its present period. amount, used, held: nano-USD, tokens or requests; held: reserved by calls under
    way; start, end: of the period, Unix s; since: later than start where the budget was reset by hand."""

    budget_id: str
    unit: Unit
    period: Period
    amount: int
    used: int
    held: int
    start: float
    end: float
    since: float


def state(subject: Subject, now: float) -> tuple[Use, ...]:
    """As Redis counts it; where that is away or has no sum, as the ledger does. Raises keys.reading.DatabaseAway."""
    return states((subject,), now)[0]


def states(subjects: Sequence[Subject], now: float) -> list[tuple[Use, ...]]:
    """state() of each, by one question to Redis for all of them."""
    budgets = [[limit for limit in limits_of((one,), now) if limit.account is not None] for one in subjects]
    found = iter(_counted([limit.account for limits in budgets for limit in limits if limit.account is not None]))
    return [tuple(_use(limit, next(found), now) for limit in limits) for limits in budgets]


def _use(limit: Limit, counted: tuple[int, int] | None, now: float) -> Use:
    assert limit.account is not None
    assert limit.allowance is not None
    account, period = limit.account, limit.allowance.period
    used, held = counted if counted is not None else _unsummed(account)
    start = start_of(period, now)
    return Use(account.budget, account.unit, period, limit.most, used, held, start, account.until, account.since)


def _counted(accounts: Sequence[Account]) -> list[tuple[int, int] | None]:
    """What Redis says is settled and held of each, in their order; None where it does not say."""
    nothing: list[tuple[int, int] | None] = [None] * len(accounts)
    if not accounts:
        return nothing
    try:
        said = scripts.ask(scripts.USE, "", "", "", *(account.name for account in accounts))
    except (redis.RedisAway, redis.ResponseError):
        return nothing
    pairs = [(int(total), int(held)) if total else None for total, held in zip(said[::2], said[1::2], strict=True)]
    return pairs or nothing


def _unsummed(account: Account) -> tuple[int, int]:
    """Of an account without a sum: what processes have said since Redis lost it, and the ledger's word for the rest."""
    told = ledger.sums(account)
    try:
        prefix = scripts.prefix() or ""
        said, held = mapping(redis.command("HGETALL", prefix + account.name)), living(f"{prefix}h:{account.name}")
    except (redis.RedisAway, redis.ResponseError):
        said, held = {}, 0
    own = {name[2:].decode(): int(amount) for name, amount in said.items() if name.startswith(b"s:")}
    return sum({**told, **own}.values()), held


def living(key: str) -> int:
    """What living sessions have in a gauge of this name. Raises redis.RedisAway, redis.ResponseError."""
    parts = mapping(redis.command("HGETALL", key)).items()
    sessions = ((session.rpartition(b"."), amount) for session, amount in parts)
    return sum(int(amount) for (process, _, number), amount in sessions if _number(process) == number)


def mapping(reply: Any) -> dict[bytes, bytes]:
    """HGETALL's reply, by either of Redis's protocols."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def _number(process: bytes) -> bytes | None:
    found: bytes | None = redis.command("GET", b"dgm:alive:" + process)
    return found
