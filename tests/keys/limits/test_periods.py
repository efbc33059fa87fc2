from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.limits.periods import end_of, start_of

PERIODS = ("hour", "day", "week", "month")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("hour", "2026-03-29 01:59:59.999", "2026-03-29 01:00", "2026-03-29 02:00"),
        ("hour", "2026-03-29 02:00", "2026-03-29 02:00", "2026-03-29 03:00"),
        ("day", "2026-12-31 23:59:59", "2026-12-31", "2027-01-01"),
        ("week", "2027-01-03 12:00", "2026-12-28", "2027-01-04"),  # a Sunday
        ("week", "2027-01-04 00:00", "2027-01-04", "2027-01-11"),  # a Monday
        ("month", "2028-02-29 12:00", "2028-02-01", "2028-03-01"),
        ("month", "2026-12-31 23:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_a_period_is_of_the_calendar_in_utc(period, now, start, end):
    assert start_of(period, at(now)) == at(start)
    assert end_of(period, at(now)) == at(end)


@given(st.sampled_from(PERIODS), st.floats(0, 4e9))
def test_periods_leave_no_gap_and_do_not_overlap(period, now):
    start, end = start_of(period, now), end_of(period, now)
    assert start <= now < end
    assert start_of(period, end) == end
    assert end_of(period, start) == end
