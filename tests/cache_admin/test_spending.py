"""What the ledger says was used of a budget, on the real tables."""

import time
from decimal import Decimal

import pytest

from cache_admin import ledger, spool
from cache_admin.shipping import ship
from cache_admin.spending import sums
from keys import limits, redis
from keys.ids import uuid7
from keys.limits.accounts import Account, limits_of
from keys.limits.desk import Desk, server
from keys.limits.reserving import Estimate
from keys.limits.subjects import NANO, Allowance, Subject
from tests.cache_admin.entries import entry

pytestmark = pytest.mark.django_db(transaction=True)
NOW = time.time()
DAY = 86400


def landed(*entries):
    for one in entries:
        ledger.closed(one)
    ship(NOW)


def at(moment, **facts):
    return entry(id=uuid7(int(moment * 1000), bytes(10)), at=moment, **facts)


def account(unit, kind="key", owner="k1", since=NOW - DAY, until=NOW + DAY):
    return Account(kind, owner, "b1", unit, since, until)


def total(*place, **span):
    return sum(sums(account(*place, **span)).values())


def test_tokens_money_and_requests_are_summed_for_their_owner():
    landed(
        entry(attempts=1, cost_usd=Decimal("0.0000000015")),
        entry(attempts=1, cost_usd=Decimal(2), project_id="p1"),
        entry(attempts=1, cost_usd=Decimal(4), key_id="k2", project_id="p1"),
    )
    assert (total("tokens"), total("requests"), total("usd")) == (30, 2, 2 * NANO + 1)
    assert total("usd", "project", "p1") == 6 * NANO
    assert total("usd", "installation", "all") == 6 * NANO + 1


def test_hits_refusals_and_callers_own_provider_keys_count_for_nothing():
    landed(
        entry(cache="hit", cost_usd=Decimal(0)),
        entry(status="rate_limited", attempts=0, input_tokens=None, output_tokens=None),
        entry(key_id="pk:abc", attempts=1, cost_usd=Decimal(1)),
    )
    for unit in ("requests", "tokens", "usd"):
        assert total(unit) == total(unit, "installation", "all") == 0


def test_a_failed_call_is_a_request_that_costs_nothing():
    landed(entry(status="upstream_error", attempts=2, input_tokens=None, output_tokens=None))
    assert (total("requests"), total("tokens"), total("usd")) == (1, 0, 0)


def test_only_calls_of_the_period_count_to_the_moment():
    landed(
        at(NOW - 100.001, attempts=1), at(NOW - 100, attempts=1), at(NOW - 50.001, attempts=1), at(NOW - 50, attempts=1)
    )
    assert total("requests", since=NOW - 100, until=NOW - 50) == 2


def test_sums_are_told_by_process_and_of_one_alone():
    mine = spool.own().instance
    landed(entry(attempts=1))
    spool.own().close()
    landed(entry(attempts=1), entry(attempts=1))
    other = spool.own().instance
    assert sums(account("requests")) == {mine: 1, other: 2}
    assert sums(account("requests"), other) == {other: 2}


def test_when_a_dead_process_is_taken_over_its_budgets_say_what_the_ledger_says():
    redis.command("SET", "dgm:limits:epoch", f"1 {server()}")
    subject = Subject("key", "k1", budgets=(Allowance("b1", "requests", "day", 10),))
    desk = Desk(spool.own().instance)
    held = [desk.take(limits_of((subject,), NOW), Estimate(1).amounts(), NOW) for _ in range(3)]
    ledger.closed(entry(attempts=1))
    desk.settle(held[0], {"requests": 1, "tokens": 0, "usd": 0})
    ledger.opened(entry(status="open"))  # in mid-call
    ledger.closed(entry(attempts=1))  # ended, and nobody was told
    spool.own().close()
    assert ship(NOW)["aborted"] == 1
    (use,) = limits.state(subject, NOW)
    assert (use.used, use.held) == (3, 0)


def test_while_redis_is_away_a_dead_process_waits_to_be_taken_over(settings, spool_directory):
    usual = settings.CACHES
    landed(entry())
    spool.own().close()
    settings.CACHES = {"default": {**usual["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    redis.forget()
    counts = ship(NOW)
    assert (counts["unadopted"], counts["files"]) == (1, 1)
    settings.CACHES = usual
    redis.forget()
    assert "unadopted" not in ship(NOW)
    assert not [path for path in spool_directory.glob("*.lock") if path.name != "ship.lock"]
