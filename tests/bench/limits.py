"""What a key costs: authentication, reserve and settle, with 16 calls in flight in one worker's loop.

    python -m tests.bench.limits

CPU of this process (user and system) a call, on SQLite and a Valkey of its own; the Valkey's CPU is not counted.
"""

# ruff: noqa: E402 - the patch comes before every other import
from gevent import monkey

monkey.patch_all()

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import django
import gevent

from tests import services

IN_FLIGHT, CALLS, ROUNDS = 16, 20_000, 3


def prepared(folder: str, redis_url: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "proxy_site.settings",
        "DRAGOMAN_DATA_DIR": folder,
        "DRAGOMAN_MASTER_KEYS": secrets.token_urlsafe(32),
        "REDIS_URL": redis_url,
    }
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def cpu_us(work: Callable[[], object]) -> float:
    """CPU of one call of `work`, the best of some rounds, with IN_FLIGHT of them at the same time."""

    def turn() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            work()

    found = []
    for _ in range(ROUNDS):
        before = time.process_time()
        gevent.joinall([gevent.spawn(turn) for _ in range(IN_FLIGHT)], raise_error=True)
        found.append((time.process_time() - before) / CALLS * 1e6)
    return min(found)


def main() -> None:
    valkey = services.start_valkey()
    try:
        with tempfile.TemporaryDirectory(prefix="dgm-bench-") as folder:
            prepared(folder, valkey.url)
            measure()
    finally:
        valkey.stop()


def measure() -> None:
    from keys import limits
    from keys.administration import issuing
    from keys.entrance import access
    from keys.limits.subjects import NANO, Allowance, Subject

    _, token = issuing.issue("bench")
    header = f"Bearer {token}"
    money = Allowance("b1", "usd", "month", 9_000_000 * NANO)
    whole = Subject("key", "k1", 10**9, 10**12, 10**6, (money,))
    three = (whole, replace(whole, kind="project", id="p1"), Subject("installation", "all", budgets=(money,)))
    rows: dict[str, tuple[Subject, ...]] = {
        "requests a minute": (Subject("key", "k0", requests_per_minute=10**9),),
        "requests and tokens a minute, at once, USD a month": (whole,),
        "the same of key and project, USD of the installation": three,
    }
    alone = cpu_us(lambda: access.identify(header, None))
    print(f"| a key's limits | CPU a call, {IN_FLIGHT} in flight |\n|---|---|")
    print(f"| none: authentication alone | {alone:.1f} us |")
    for name, subjects in rows.items():

        def call(subjects: tuple[Subject, ...] = subjects) -> None:
            access.identify(header, None)
            reservation = limits.reserve(subjects, "bench", limits.Estimate(100, 1000), time.time())
            reservation.headers()
            gevent.sleep(0)  # the provider's turn
            reservation.settle(90, 900)

        call()
        print(f"| {name} | {cpu_us(call):.1f} us |", flush=True)


if __name__ == "__main__":
    main()
