"""A process died, and all that it wrote is on the ledger: from now on the ledger's word counts for it."""

from __future__ import annotations

from keys.limits import ledger, scripts
from keys.limits.accounts import account_named
from keys.redis import command


def adopt(instance: str) -> None:
    """Put the ledger's sum in the place of what the process said, in each account that it had a part in, and free what
    it held. Idempotent. Raises redis.RedisAway, redis.ResponseError and the database's errors: then again later."""
    prefix = scripts.prefix()
    if prefix is None:
        return
    words: list[str | int] = []
    for name in command("SMEMBERS", f"{prefix}i:{instance}"):
        words += (name.decode(), ledger.sum_of(account_named(name.decode()), instance))
    scripts.ask(scripts.ADOPT, prefix, instance, "", *words)
