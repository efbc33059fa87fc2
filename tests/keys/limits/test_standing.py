import re

import pytest

from keys.limits.accounts import account_named, limits_of, valid_until
from keys.limits.standing import Standing, duration, headers, refusal
from keys.limits.subjects import NANO, Allowance, Subject

NOW = 1_790_000_000_000  # 2026-09-21 13:33:20 UTC, a Monday
HOUR = 3600
USD = Allowance("b1", "usd", "month", 10 * NANO)
KEY = Subject("key", "k1", requests_per_minute=60, tokens_per_minute=1000, concurrent_requests=2, budgets=(USD,))
PROJECT = Subject("project", "p1", requests_per_minute=600)
RPM, TPM, GAUGE, BUDGET, PROJECTS = limits_of((KEY, PROJECT), NOW / 1000)
AMOUNTS = {"requests": 1, "tokens": 100, "usd": NANO // 2}


def refused(*standings):
    return refusal(standings, AMOUNTS, NOW)


def test_a_call_counts_against_every_limit_of_every_subject():
    assert [(one.kind, one.unit, one.most) for one in (RPM, TPM, GAUGE, BUDGET, PROJECTS)] == [
        ("window", "requests", 60),
        ("window", "tokens", 1000),
        ("gauge", "requests", 2),
        ("budget", "usd", 10 * NANO),
        ("window", "requests", 600),
    ]
    assert len({one.name for one in (RPM, TPM, GAUGE, BUDGET, PROJECTS)}) == 5


def test_an_account_is_read_back_from_its_name():
    assert account_named(BUDGET.name) == BUDGET.account
    with pytest.raises(ValueError, match="r::::::"):
        account_named("r::::::")


def test_limits_hold_until_the_first_period_ends():
    hourly = Subject("key", "k1", budgets=(USD, Allowance("b2", "requests", "hour", 5)))
    limits = limits_of((hourly,), NOW / 1000)
    assert valid_until(limits) == (NOW / 1000 // HOUR + 1) * HOUR
    assert valid_until(limits_of((PROJECT,), NOW / 1000)) == float("inf")


def test_a_budget_that_was_reset_counts_from_then_on_under_another_name():
    since = NOW / 1000 - 100.25
    again = Subject("key", "k1", budgets=(Allowance("b1", "usd", "month", 10 * NANO, since=since),))
    (limit,) = limits_of((again,), NOW / 1000)
    assert limit.account.since == since
    assert limit.name != BUDGET.name
    assert account_named(limit.name) == limit.account


def test_a_reset_in_an_earlier_period_changes_nothing():
    again = Subject("key", "k1", budgets=(Allowance("b1", "usd", "month", 10 * NANO, since=NOW / 1000 - 40 * 86400),))
    assert limits_of((again,), NOW / 1000)[0].name == BUDGET.name


def test_headers_tell_of_the_subject_with_least_left():
    found = headers([Standing(RPM, True, (NOW - 15_000, 10, 0)), Standing(PROJECTS, True, (NOW, 595, 0))], NOW)
    assert found == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "2m0s",
    }
    assert headers([Standing(GAUGE, True, (1, 0, 0))], NOW) == {}


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0ms"),
        (12, "12ms"),
        (1000, "1s"),
        (8640, "8.64s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (90_500, "1m30.5s"),
    ],
)
def test_durations_are_written_as_openai_writes_them(ms, text):
    assert duration(ms) == text


def test_a_rate_says_whose_it_is_how_much_and_when_to_come_back():
    error = refused(Standing(RPM, False, (NOW - 15_000, 60, 0)))
    assert (error.why, error.retry_ms) == ("rate", 45_000 + 1000)  # the next window's first second lets one through
    assert "this key" in error.message
    assert "60 requests a minute" in error.message
    assert "46s" in error.message
    assert error.headers["x-ratelimit-remaining-requests"] == "0"


def test_a_request_above_a_minutes_tokens_can_never_pass():
    small = limits_of((Subject("project", "p", tokens_per_minute=99),), NOW / 1000)[0]
    error = refused(Standing(small, False, (NOW, 0, 0)))
    assert (error.why, error.retry_ms) == ("size", None)
    assert "never" in error.message
    assert "this key's project" in error.message


def test_calls_at_the_same_time_may_come_back_in_a_second():
    error = refused(Standing(GAUGE, False, (2, 0, 0)))
    assert (error.why, error.retry_ms) == ("concurrency", 1000)
    assert "2 calls under way" in error.message


def test_a_budget_outweighs_a_rate_and_says_until_when_it_is_gone():
    error = refused(Standing(RPM, False, (NOW, 60, 0)), Standing(BUDGET, False, (10 * NANO, 0, 0)))
    assert (error.why, error.retry_ms) == ("budget", None)
    assert re.search(r"used up: 10 USD a month, until 2026-10-01 00:00 UTC", error.message)


def test_a_budget_that_does_not_cover_the_request_says_what_is_left():
    error = refused(Standing(BUDGET, False, (int(9.25 * NANO), NANO // 2, 0)))
    assert "0.75 USD left, 0.5 USD of it reserved by calls under way" in error.message
    assert "needed: 0.5 USD" in error.message
