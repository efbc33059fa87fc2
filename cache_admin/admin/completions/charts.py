"""Bars over time, drawn here as SVG, with lines to read their height by and dates below. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import floor, log10
from typing import NamedTuple

WIDTH, HEIGHT, GAP = 600, 160, 2
MOST_TICKS = 6
HOUR, DAY = 3600, 86400  # seconds
STEPS = (1, 2, 2.5, 4, 5, 10)  # times a power of ten: tops whose half is read as easily


class Bar(NamedTuple):
    """In units of the drawing; said: what it stands for; open: its time is not over yet."""

    x: float
    y: float
    width: float
    height: float
    said: str
    open: bool


class Mark(NamedTuple):
    """A line across at `place` percent from the bottom, or a date at `place` percent from the left."""

    place: float
    text: str


class Chart(NamedTuple):
    title: str
    bars: list[Bar]
    lines: list[Mark]
    dates: list[Mark]


class Axis(NamedTuple):
    """The times that bars begin at, Unix s, and their width in seconds."""

    begins: Sequence[float]
    width: int

    def moment(self, begins: float) -> str:
        """As fine as the bars are: 2026-11-24, or with the time."""
        return f"{datetime.fromtimestamp(begins, UTC):{'%Y-%m-%d' if self.width >= DAY else '%Y-%m-%d %H:%M'}}"

    def date(self, begins: float) -> str:
        """For below the bars: 24 Nov, or of hours 14:00."""
        at = datetime.fromtimestamp(begins, UTC)
        return f"{at:%H:%M}" if self.width <= HOUR else f"{at.day} {at:%b}"

    def dates(self) -> list[Mark]:
        """At most MOST_TICKS, equally far from each other, the last bar's among them; each day once, none passed over
        but as often as any other."""
        count = len(self.begins)
        least = -(-count // MOST_TICKS)
        whole = DAY // self.width if HOUR < self.width < DAY else 1  # bars that one date is for
        step = -(-least // whole) * whole
        chosen = range((count - 1) % step, count, step)
        return [Mark(round((place + 0.5) * 100 / count, 2), self.date(self.begins[place])) for place in chosen]


def chart(title: str, axis: Axis, values: Sequence[float], top: float, said: Callable[[float], str]) -> Chart:
    """A bar for each of the axis's times. top: the value of the highest line; said: a value in words."""
    return Chart(title, bars(axis, values, top, said), lines(top, said), axis.dates())


def bars(axis: Axis, values: Sequence[float], top: float, said: Callable[[float], str]) -> list[Bar]:
    step, last = WIDTH / len(values), len(values) - 1
    return [
        Bar(
            round(place * step + GAP / 2, 1),
            round(HEIGHT - value / top * HEIGHT, 1),
            round(step - GAP, 1),
            round(value / top * HEIGHT, 1),
            f"{axis.moment(begins)}: {said(value)}",
            place == last,
        )
        for place, (begins, value) in enumerate(zip(axis.begins, values, strict=True))
    ]


def lines(top: float, said: Callable[[float], str]) -> list[Mark]:
    return [Mark(50, said(top / 2)), Mark(100, said(top))]


def round_top(values: Iterable[float]) -> float:
    """The least round number that no value is above."""
    most = max(values, default=0)
    if most <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(most))
    return next(power * step for step in STEPS if power * step >= most * 0.9999)
