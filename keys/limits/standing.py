"""How a call stands with its limits, and what its caller is told of that: headers in OpenAI's form, refusals in words.

Pure. https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers; durations as Go writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, inf
from typing import Literal

from keys.limits.accounts import Limit, Unit
from keys.limits.subjects import NANO
from keys.limits.windows import Window, empty_in, used, wait

Amounts = Mapping[Unit, int]  # what a call takes: one request, its estimated tokens and nano-USD
Why = Literal["rate", "size", "concurrency", "budget"]
WHOSE = {"key": "this key", "project": "this key's project", "installation": "the whole installation"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One limit as Redis counted it; ok: the call fits. counts: of a window its start (Unix ms), what was counted in
    it and in the minute before; of a gauge how many are under way; of a budget what is settled and what is held. With
    the call's own part where it was let in."""

    limit: Limit
    ok: bool
    counts: tuple[int, int, int]


class LimitReached(Exception):
    """A limit refuses the call, and nothing was taken. why: a minute's rate; a size above a whole minute's tokens;
    calls at the same time; a budget. retry_ms: when the same call may pass, None: not soon, or never."""

    def __init__(self, why: Why, message: str, retry_ms: int | None, headers: dict[str, str]) -> None:
        super().__init__(message)
        self.why, self.message, self.retry_ms, self.headers = why, message, retry_ms, headers


class LimitsAway(Exception):
    """The limits cannot be counted at the moment."""


def refusal(standings: Sequence[Standing], amounts: Amounts, now: int) -> LimitReached:
    """Of the limits that refuse the call the one that does so for longest. now: Unix ms."""
    found = [_reached(standing, amounts[standing.limit.unit], now) for standing in standings if not standing.ok]
    why, message, retry = max(found, key=lambda one: (one[0] == "budget", one[2]))
    return LimitReached(why, message, ceil(retry) if retry < inf else None, headers(standings, now))


def _reached(standing: Standing, amount: int, now: int) -> tuple[Why, str, float]:
    limit = standing.limit
    whose, most = WHOSE[limit.subject.kind], f"{limit.most:,} {limit.unit}"
    if limit.kind == "budget":
        return "budget", _of_budget(standing, amount), inf
    if limit.kind == "gauge":
        return "concurrency", f"Limit of {whose} reached: {limit.most:,} calls under way at the same time.", 1000
    if amount > limit.most:
        message = f"This request is estimated at {amount:,} tokens, and the limit of {whose} is {most} a minute: it can"
        return "size", f"{message} never pass. Shorten it, or ask for fewer tokens (max_tokens).", inf
    retry = wait(Window(*standing.counts), now, limit.most, amount)
    asked = f" (this request is estimated at {amount:,})" if limit.unit == "tokens" else ""
    message = f"Rate limit of {whose} reached: {most} a minute{asked}. Try again in {duration(ceil(retry))}."
    return "rate", message, retry


def _of_budget(standing: Standing, amount: int) -> str:
    limit, (settled, held, _) = standing.limit, standing.counts
    assert limit.allowance is not None
    assert limit.account is not None
    end = datetime.fromtimestamp(limit.account.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    unit = limit.unit
    budget = f"{said(limit.most, unit)} a {limit.allowance.period}, until {end}"
    whose = WHOSE[limit.subject.kind]
    if settled >= limit.most:
        return f"The budget of {whose} is used up: {budget}."
    left = f"{said(limit.most - settled, unit)} left, {said(held, unit)} of it reserved by calls under way"
    return f"The budget of {whose} does not cover this request ({budget}: {left}; needed: {said(amount, unit)})."


def said(amount: int, unit: Unit) -> str:
    if unit != "usd":
        return f"{amount:,} {unit}"
    return f"{amount / NANO:.6f}".rstrip("0").rstrip(".") + " USD"


def headers(standings: Sequence[Standing], now: int) -> dict[str, str]:
    """`x-ratelimit-*`, for requests and tokens each of the minute's limit with least left. now: Unix ms."""
    found: dict[str, str] = {}
    for unit in ("requests", "tokens"):
        windows = [one for one in standings if one.limit.kind == "window" and one.limit.unit == unit]
        if windows:
            left, tightest = min(((remaining(one, now), one) for one in windows), key=lambda pair: pair[0])
            found[f"x-ratelimit-limit-{unit}"] = str(tightest.limit.most)
            found[f"x-ratelimit-remaining-{unit}"] = str(left)
            found[f"x-ratelimit-reset-{unit}"] = duration(empty_in(Window(*tightest.counts), now))
    return found


def remaining(standing: Standing, now: int) -> int:
    return max(0, int(standing.limit.most - used(Window(*standing.counts), now)))


def duration(milliseconds: int) -> str:
    """`12ms`, `1.5s`, `6m0s`, as OpenAI's headers have it."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    seconds = f"{rest / 1000:g}s"
    return f"{minutes}m{seconds}" if minutes else seconds
