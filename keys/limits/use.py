"""How much of its budgets a key, a project or the installation has used: for pages and the API, not for calls."""

from __future__ import annotations

from dataclasses import dataclass

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
    return tuple(_use(limit, limit.account, now) for limit in limits_of((subject,), now) if limit.account is not None)


def _use(limit: Limit, account: Account, now: float) -> Use:
    counted = _counted(account)
    used, held = counted if counted is not None else (sum(ledger.sums(account).values()), 0)
    assert limit.allowance is not None
    period = limit.allowance.period
    start = start_of(period, now)
    return Use(account.budget, account.unit, period, limit.most, used, held, start, account.until, account.since)


def _counted(account: Account) -> tuple[int, int] | None:
    """What Redis says is settled and held; None where it does not say."""
    try:
        prefix = scripts.prefix()
        total = redis.command("HGET", f"{prefix}{account.name}", "total") if prefix else None
        return None if total is None else (int(total), _held(f"{prefix}h:{account.name}"))
    except (redis.RedisAway, redis.ResponseError):
        return None


def _held(key: str) -> int:
    """By sessions that live."""
    said = redis.command("HGETALL", key)
    parts = said.items() if isinstance(said, dict) else zip(said[::2], said[1::2], strict=True)  # RESP3, RESP2
    living = ((session.rpartition(b"."), amount) for session, amount in parts)
    return sum(int(amount) for (process, _, number), amount in living if _number(process) == number)


def _number(process: bytes) -> bytes | None:
    found: bytes | None = redis.command("GET", b"dgm:alive:" + process)
    return found
