"""Processes take and settle while connections are killed, Redis is emptied and forgets its scripts, and processes are
taken for dead. Afterwards every call that was let in is counted once, and nothing is held."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.core.cache import cache

from keys import redis
from keys.limits import scripts
from keys.limits.standing import LimitsAway
from keys.limits.subjects import Allowance, Subject
from keys.limits.use import living, state
from tests.keys.limits.conftest import take, used

SECONDS = 2.5
KEY = Subject(
    "key",
    "k1",
    concurrent_requests=50,
    budgets=(Allowance("b1", "requests", "month", 10**6), Allowance("b2", "tokens", "month", 10**9)),
)
AWAY = (LimitsAway, redis.RedisAway, redis.ResponseError)


def working(desk, chance, ended, log):
    """Calls in turn. No more than six are under way at any time, so whatever else refuses one is a fault."""
    while not ended.is_set():
        with suppress(LimitsAway):
            taken = take(desk, KEY, tokens=10)
            time.sleep(chance.random() * 0.005)
            tokens = chance.randrange(20)
            desk.settle(taken, used(tokens=tokens))
            log.append(tokens)


def beating(desk, ended):
    while not ended.wait(0.1):
        with suppress(*AWAY):
            desk.beat()


def mischief(desks, chance, ended):
    client = cache.client.get_client()
    acts = [
        ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
        ("SCRIPT", "FLUSH"),
        ("FLUSHDB",),
        *(("DEL", f"dgm:alive:{desk.instance}") for desk in desks),
    ]
    while not ended.wait(0.2):
        client.execute_command(*chance.choice(acts))


def at_rest(act):
    """Once the breaker is closed again."""
    for _ in range(40):
        with suppress(*AWAY):
            return act()
        time.sleep(0.1)
    raise AssertionError("limits do not come back")


def test_whatever_happens_to_redis_each_call_is_counted_once_and_nothing_stays_held(new_desk):
    chance, ended, log = random.Random(4), threading.Event(), []
    desks = [new_desk() for _ in range(3)]
    jobs = [(working, (desk, random.Random(number), ended, log)) for number, desk in enumerate(desks * 2)]
    jobs += [(beating, (desk, ended)) for desk in desks] + [(mischief, (desks, chance, ended))]
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(work, *words) for work, words in jobs]
        time.sleep(SECONDS)
        ended.set()
    for one in running:
        one.result()
    for desk in desks:
        at_rest(desk.beat)
    desks[0].settle(at_rest(lambda: take(desks[0], KEY, tokens=0)), used())
    calls, tokens = state(KEY, time.time())
    assert len(log) > 100
    assert (calls.used, calls.held) == (len(log) + 1, 0)
    assert (tokens.used, tokens.held) == (sum(log), 0)
    assert living(f"{scripts.prefix()}c:key:k1") == 0
