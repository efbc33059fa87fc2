"""Calendar periods in UTC: an hour, a day, a week from Monday (ISO 8601, 3.1.1.23), a month. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

Period = Literal["hour", "day", "week", "month"]


def start_of(period: Period, now: float) -> float:
    """When the period that holds `now` began. Both in Unix seconds."""
    hour = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match period:
        case "hour":
            return hour.timestamp()
        case "day":
            return day.timestamp()
        case "week":
            return (day - timedelta(days=day.weekday())).timestamp()
        case "month":
            return day.replace(day=1).timestamp()
        case _:
            assert_never(period)


def end_of(period: Period, now: float) -> float:
    """When the next period begins: the end itself is no part of this one."""
    start = datetime.fromtimestamp(start_of(period, now), UTC)
    match period:
        case "hour":
            return (start + timedelta(hours=1)).timestamp()
        case "day":
            return (start + timedelta(days=1)).timestamp()
        case "week":
            return (start + timedelta(weeks=1)).timestamp()
        case "month":
            return (start + timedelta(days=31)).replace(day=1).timestamp()
        case _:
            assert_never(period)
