"""Budgets near their end, for the admin's first page: what the last round found, kept in Redis, so that a page asks
neither for each budget nor the ledger."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from keys import redis
from keys.limits import Use

FROM = 80  # percent
MOST = 5
SECONDS = 300  # without a round a page shows nothing rather than what is old
NAME = "dgm:near"


def keep(uses: Iterable[Use]) -> None:
    """The fullest few. Without Redis nobody is shown them."""
    near = sorted((use for use in uses if percent(use) >= FROM), key=percent, reverse=True)
    try:
        redis.command("SET", NAME, orjson.dumps(near[:MOST]), "EX", SECONDS)
    except (redis.RedisAway, redis.ResponseError):
        return


def near() -> list[Use]:
    """As the last round found them, the fullest first. None where Redis is away, or another version wrote."""
    try:
        return [Use(**said) for said in orjson.loads(redis.command("GET", NAME) or b"[]")]
    except (redis.RedisAway, redis.ResponseError, ValueError, TypeError):
        return []


def percent(use: Use) -> int:
    """Of a budget of nothing, all is used as soon as something is."""
    return use.used * 100 // use.amount if use.amount else 100 * bool(use.used)
