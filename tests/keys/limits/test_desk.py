"""What is counted, by several processes together, on a real Valkey."""

import time

import pytest

from keys import redis
from keys.limits.standing import LimitReached
from keys.limits.subjects import NANO, Allowance, Subject
from tests.keys.limits.conftest import admitted, take, used

RPM = Subject("key", "k1", requests_per_minute=10)
TPM = Subject("key", "k1", tokens_per_minute=1000)
GAUGE = Subject("project", "p1", concurrent_requests=10)
REQUESTS = Subject("key", "k1", budgets=(Allowance("b1", "requests", "day", 10),))
USD = Subject("installation", "all", budgets=(Allowance("b2", "usd", "month", 10 * NANO),))
TOKENS = Subject("project", "p1", budgets=(Allowance("b3", "tokens", "week", 1000),))
NOW = time.time()


def why(act, *args, **more):
    with pytest.raises(LimitReached) as caught:
        act(*args, **more)
    return caught.value.why


@pytest.mark.parametrize(
    ("subject", "asked"),
    [(RPM, {}), (TPM, {}), (GAUGE, {}), (REQUESTS, {}), (USD, {"usd": NANO}), (TOKENS, {})],
    ids=["requests", "tokens", "at once", "budget of requests", "budget of USD", "budget of tokens"],
)
def test_of_many_calls_at_once_over_two_processes_exactly_as_many_pass_as_the_limit_says(new_desk, subject, asked):
    assert len(admitted([new_desk(), new_desk()], subject, 60, **asked)) == 10


def test_a_call_takes_from_all_its_limits_or_from_none(new_desk):
    desk = new_desk()
    two = Subject("key", "k1", requests_per_minute=100, concurrent_requests=100)
    one = Subject("project", "p1", concurrent_requests=1, budgets=USD.budgets)
    take(desk, two, one, usd=NANO)
    for _ in range(5):
        assert why(take, desk, two, one, usd=NANO) == "concurrency"
    windows, gauge, _, budget = take(new_desk(), two, Subject("project", "p2", concurrent_requests=1), USD).standings
    assert windows.counts[1] == 2  # the first one and this
    assert gauge.counts[0] == 2
    assert budget.counts[:2] == (0, 0)


def test_the_minute_before_still_counts_for_its_part(new_desk):
    desk = new_desk()
    for _ in range(10):
        take(desk, RPM, now=NOW)
    assert why(take, desk, RPM, now=NOW + 59.9) == "rate"
    for _ in range(5):
        take(desk, RPM, now=NOW + 90)
    assert why(take, desk, RPM, now=NOW + 90) == "rate"
    for _ in range(5):
        take(desk, RPM, now=NOW + 300)


def test_a_refusal_says_when_the_same_call_passes(new_desk):
    desk = new_desk()
    for _ in range(10):
        take(desk, RPM, now=NOW)
    with pytest.raises(LimitReached) as caught:
        take(desk, RPM, now=NOW + 10)
    later = NOW + 10 + caught.value.retry_ms / 1000
    assert why(take, desk, RPM, now=later - 0.005) == "rate"
    take(desk, RPM, now=later + 0.002)


def test_tokens_are_corrected_in_the_window_that_they_were_taken_in(new_desk):
    desk = new_desk()
    first = take(desk, TPM, tokens=900, now=NOW)
    assert why(take, desk, TPM, tokens=200, now=NOW) == "rate"
    desk.settle(first, used(tokens=50))
    second = take(desk, TPM, tokens=900, now=NOW + 1)
    take(desk, Subject("key", "k1", tokens_per_minute=10_000), tokens=1, now=NOW + 61)  # a window later
    desk.settle(second, used(tokens=500))
    late = take(desk, Subject("key", "k1", tokens_per_minute=10_000), tokens=1, now=NOW + 62)
    assert late.standings[0].counts[1:] == (2, 550)


def test_a_call_that_has_ended_makes_room_for_another_and_only_once(new_desk):
    desk, other = new_desk(), new_desk()
    first, *_ = [take(desk, GAUGE) for _ in range(10)]
    assert why(take, other, GAUGE) == "concurrency"
    desk.settle(first, used())
    desk.settle(first, used())
    take(other, GAUGE)
    assert why(take, other, GAUGE) == "concurrency"


def test_a_budget_counts_what_was_used_and_not_what_was_estimated(new_desk):
    desk, other = new_desk(), new_desk()
    taken = [take(desk, USD, usd=5 * NANO) for _ in range(2)]
    assert why(take, other, USD, usd=1) == "budget"
    for one in taken:
        desk.settle(one, used(usd=NANO))
    last = take(other, USD, usd=8 * NANO)
    assert last.standings[0].counts[:2] == (2 * NANO, 8 * NANO)


def test_a_call_that_was_never_sent_costs_nothing(new_desk):
    desk = new_desk()
    for _ in range(30):
        desk.settle(take(desk, REQUESTS, USD, usd=NANO), used(requests=0))
    assert take(desk, REQUESTS).standings[0].counts[:2] == (0, 1)


def test_a_new_period_begins_with_nothing(new_desk, books):
    desk = new_desk()
    for _ in range(10):
        desk.settle(take(desk, REQUESTS, now=NOW), used())
    assert why(take, desk, REQUESTS, now=NOW) == "budget"
    take(desk, REQUESTS, now=NOW + 86400)


def test_amounts_of_money_are_whole_numbers_up_to_millions(new_desk):
    desk = new_desk()
    large = Subject("key", "k9", budgets=(Allowance("b9", "usd", "month", 9_000_000 * NANO),))
    desk.settle(take(desk, large, usd=NANO), used(usd=8_999_998 * NANO + 1))
    assert take(desk, large, usd=NANO).standings[0].counts[:2] == (8_999_998 * NANO + 1, NANO)
    assert why(take, desk, large, usd=NANO) == "budget"


@pytest.mark.parametrize("told", [-(10**30), 10**30])
def test_absurd_numbers_of_a_provider_spoil_no_count(new_desk, told):
    desk = new_desk()
    held = take(desk, TPM, GAUGE, REQUESTS, TOKENS)
    desk.settle(held, used(tokens=told))
    last = take(desk, GAUGE, REQUESTS)
    assert [standing.counts[:2] for standing in last.standings] == [(1, 0), (1, 1)]
    if told < 0:
        assert take(desk, TOKENS).standings[0].counts[:2] == (0, 100)
    else:
        assert why(take, desk, TOKENS) == "budget"


def test_everything_in_redis_ends_by_itself(new_desk):
    desk = new_desk()
    taken = take(desk, RPM, TPM, GAUGE, REQUESTS, USD, usd=1)
    desk.settle(taken, used(usd=1))
    names = [name for name in redis.command("KEYS", "dgm:*") if name != b"dgm:limits:epoch"]
    assert len(names) > 5
    assert all(redis.command("TTL", name) > 0 for name in names)
