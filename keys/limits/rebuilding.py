"""An account that Redis has lost is summed anew from the ledger: by one thread of a process, while its callers wait.

A long sum goes on when its callers have left, so that the next ones find it done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from time import monotonic, time

from keys import redis
from keys.limits import ledger, scripts
from keys.limits.accounts import account_named
from keys.limits.standing import LimitsAway
from keys.reading import DatabaseAway

PATIENCE = 2.0  # seconds
DAY = 86_400
log = logging.getLogger("dragoman.keys")
_running: dict[str, threading.Thread] = {}


def rebuild(prefix: str, names: Sequence[str], instance: str) -> None:
    """Have these accounts summed. Raises LimitsAway where that takes longer than PATIENCE."""
    deadline = monotonic() + PATIENCE
    for thread in [_thread(prefix, name, instance) for name in names]:
        thread.join(max(0, deadline - monotonic()))
        if thread.is_alive():
            raise LimitsAway("a budget is being summed from the ledger")


def _thread(prefix: str, name: str, instance: str) -> threading.Thread:
    place = prefix + name
    found = _running.get(place)
    if found is None or not found.is_alive():
        found = threading.Thread(target=_run, args=(prefix, name, instance), daemon=True, name="dragoman-rebuild")
        _running[place] = found
        found.start()
    return found


def _run(prefix: str, name: str, instance: str) -> None:
    try:
        while not _summed(prefix, name, instance):
            pass  # a process's death was noted while the ledger was read
    except (DatabaseAway, redis.RedisAway, redis.ResponseError) as error:
        log.warning("a budget could not be summed from the ledger: %s", type(error).__name__)
    finally:
        _running.pop(prefix + name, None)


def _summed(prefix: str, name: str, instance: str) -> bool:
    account = account_named(name)
    adoptions = redis.command("GET", f"{prefix}adoptions") or b"0"
    sums = ledger.sums(account)
    words = [word for process, amount in sums.items() for word in (process, amount)]
    ttl = max(0, int(account.until - time())) + DAY
    return bool(scripts.ask(scripts.REBUILD, prefix, instance, 0, name, ttl, adoptions, *words))
