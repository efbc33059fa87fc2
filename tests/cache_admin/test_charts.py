"""Bars over time, and the page of what purges removed, which is drawn with them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cache_admin.admin.completions.charts import DAY, HEIGHT, WIDTH, Axis, chart, round_top
from cache_admin.admin.completions.removals import DAYS, days_of
from cache_admin.models import Removal
from tests.cache_admin.entries import completions, page, staff

REMOVALS = reverse("admin:cache_admin_storedcompletion_removals")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def clerk(db: None) -> Client:
    return staff("view_storedcompletion")


def axis(count: int, width: int) -> Axis:
    return Axis([NOON + place * width for place in range(count)], width)


def test_a_value_is_as_high_as_its_share_of_the_top_and_the_last_one_is_open() -> None:
    drawn = chart("USD", axis(3, DAY), [0.0, 5.0, 10.0], 10.0, "{:g}".format)
    assert [(bar.y, bar.height, bar.open) for bar in drawn.bars] == [
        (HEIGHT, 0, False),
        (HEIGHT / 2, HEIGHT / 2, False),
        (0, HEIGHT, True),
    ]
    assert drawn.bars[1].said == "2026-03-02: 5"
    assert [(line.place, line.text) for line in drawn.lines] == [(50, "5"), (100, "10")]
    assert all(bar.x + bar.width <= WIDTH for bar in drawn.bars)


@pytest.mark.parametrize(
    ("count", "width", "first", "last"),
    [
        (31, DAY, "1 Mar", "31 Mar"),
        (29, 6 * 3600, "2 Mar", "8 Mar"),
        (25, 3600, "16:00", "12:00"),
        (1, DAY, "1 Mar", "1 Mar"),
    ],
)
def test_a_few_dates_stand_below_the_last_among_them(count: int, width: int, first: str, last: str) -> None:
    dates = axis(count, width).dates()
    assert 1 <= len(dates) <= 6
    assert (dates[0].text, dates[-1].text) == (first, last)
    assert len({date.text for date in dates}) == len(dates)


def test_days_of_several_bars_are_named_at_equal_distances() -> None:
    assert [date.text for date in axis(29, 6 * 3600).dates()] == ["2 Mar", "4 Mar", "6 Mar", "8 Mar"]


@given(st.floats(1e-9, 1e15))
def test_a_top_is_no_lower_than_any_value_and_at_most_twice_and_a_half_as_high(most: float) -> None:
    top = round_top([0.0, most])
    assert most <= top * 1.0002
    assert top <= most * 2.5


@pytest.mark.parametrize(("values", "top"), [([], 1), ([0.0], 1), ([0.71], 1), ([0.29, 0.1], 0.4), ([846.0], 1000)])
def test_a_top_is_a_round_number(values: list[float], top: float) -> None:
    assert round_top(values) == pytest.approx(top)


def test_each_day_has_a_place_whether_something_went_or_not() -> None:
    today = date(2026, 3, 31)
    rows = [
        Removal(day=today, reason="expired", completions=3, size=10),
        Removal(day=today, reason="chosen", completions=2, size=5),
        Removal(day=today - timedelta(days=29), reason="evicted", completions=1, size=1),
    ]
    days = days_of(rows, today)
    assert [day.day for day in days] == [date(2026, 3, 2) + timedelta(days=ago) for ago in range(DAYS)]
    assert [(day.total, day.size) for day in days] == [(1, 1), *[(0, 0)] * 28, (5, 15)]


def test_the_page_tells_what_went_by_reason_and_how_full_the_cache_is(clerk: Client) -> None:
    completions(2, seconds=600, size=512)
    today = timezone.now().date()
    Removal.objects.create(day=today, reason="expired", completions=1200, size=2048)
    Removal.objects.create(day=today - timedelta(days=40), reason="chosen", completions=77, size=1)
    text = page(clerk, REMOVALS)
    for word in ("1,200", "Least used, of too many", "of 1,000,000 at most", "<svg", "1.0\xa0KB", "2.0\xa0KB"):
        assert word in text, word
    assert "77" not in text.partition("<tbody>")[2]


def test_a_page_of_no_removals_says_so(clerk: Client) -> None:
    assert "Nothing was removed in this time." in page(clerk, REMOVALS)
