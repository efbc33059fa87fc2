"""What pages show of budgets: of many at once, by one question to Redis."""

import time

from keys import redis
from keys.limits import states
from keys.limits.subjects import Allowance, Subject
from tests.keys.limits.conftest import take, used

NOW = time.time()
KEYS = [Subject("key", f"k{n}", budgets=(Allowance(f"b{n}", "requests", "day", 10),)) for n in range(3)]
TWO = Subject("project", "p", budgets=(Allowance("p1", "requests", "hour", 5), Allowance("p2", "tokens", "month", 500)))
FREE = Subject("key", "free", requests_per_minute=3)


def commands():
    stats = redis.command("INFO", "commandstats")
    calls = [line for line in stats.decode().splitlines() if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in calls)


def test_what_many_keys_have_used_and_hold_is_one_question(new_desk, books):
    desk = new_desk()
    for subject, calls in zip(KEYS, (0, 1, 3), strict=True):
        for _ in range(calls):
            desk.settle(take(desk, subject), used())
    take(desk, KEYS[1])
    desk.settle(take(desk, TWO), used())
    states(KEYS, NOW)
    before = commands()
    found = states([*KEYS, FREE, TWO], NOW)
    assert commands() - before == 1
    assert [[(use.budget_id, use.used, use.held) for use in uses] for uses in found[:4]] == [
        [("b0", 0, 0)],
        [("b1", 1, 1)],
        [("b2", 3, 0)],
        [],
    ]
    assert [(use.budget_id, use.period, use.amount) for use in found[4]] == [("p1", "hour", 5), ("p2", "month", 500)]


def test_what_redis_does_not_say_the_ledger_does(books):
    books.used["gone"] = 4
    redis.command("FLUSHDB")
    assert [use.used for uses in states(KEYS, NOW) for use in uses] == [4, 4, 4]
    assert {account.id for account in books.asked} == {"k0", "k1", "k2"}


def test_nothing_is_asked_where_no_key_has_a_budget(books):
    before = commands()
    assert states([FREE], NOW) == [()]
    assert commands() == before
