"""One background refresh of a stale completion at a time, whoever asked for it: in this process and in all others.

Who begins says so in Redis for as long as it may take; without Redis each process has one of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from keys.redis import RedisAway, ResponseError, command, tell
from proxy_api.errors import GatewayError

logger = logging.getLogger("dragoman.api")
LEASE_SECONDS = 60  # after that, one who was killed is taken for gone
_under_way: set[str] = set()


def begin(name: str, work: Callable[[], object]) -> threading.Thread | None:
    """Run `work` beside the request, unless somebody is at it for `name` already. The request waits for none of it."""
    if name in _under_way:
        return None
    _under_way.add(name)
    thread = threading.Thread(target=_run, args=(name, work), name="refresh", daemon=True)
    thread.start()
    return thread


def _run(name: str, work: Callable[[], object]) -> None:
    try:
        if _claimed(name):
            work()
            _let_go(name)
    except GatewayError as error:  # on the ledger, and no reason to stop serving what is there
        logger.info("a background refresh failed: %s", error.code)
    except Exception:
        logger.exception("a background refresh failed")
    finally:
        _under_way.discard(name)


def _claimed(name: str) -> bool:
    try:
        return command("SET", _address(name), b"1", "NX", "EX", LEASE_SECONDS) is not None
    except (RedisAway, ResponseError):
        return True


def _let_go(name: str) -> None:
    """At once, since who asks from now on finds a fresh answer. A failure holds the next off until the lease ends."""
    try:
        tell("DEL", _address(name))
    except RedisAway:
        return


def _address(name: str) -> str:
    return f"r:{name}"
