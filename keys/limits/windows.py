"""The arithmetic of a minute's limit: how full a window is, when there is room again, when it is empty. Pure.

A window slides by weights: what the minute before holds counts for the part of it that still lies within the last 60
seconds (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/). It begins with the first request, so a
fresh limit of N lets exactly N pass. The counting itself is Redis's (scripts/reserve.lua); all times in milliseconds.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

MINUTE = 60_000


class Window(NamedTuple):
    """start: Unix ms; current: counted since; previous: counted in the minute before."""

    start: int
    current: int
    previous: int


def used(window: Window, now: int) -> float:
    """What counts at `now`, which lies within the window's minute (an earlier clock counts as its start)."""
    return window.previous * (1 - age(window, now) / MINUTE) + window.current


def wait(window: Window, now: int, most: int, amount: int) -> float:
    """Whole ms until `amount` more fits below `most` if nothing else comes; inf where it never does."""
    if amount > most:
        return inf
    free = most - amount
    if window.current <= free:
        return max(0, _faded(window.previous, free - window.current) - age(window, now))
    return MINUTE - age(window, now) + _faded(window.current, free)


def _faded(counted: int, room: int) -> int:
    """How old a window's minute must be until what the one before it `counted` weighs no more than `room`."""
    return -(MINUTE * (room - counted) // counted) if counted > room else 0


def empty_in(window: Window, now: int) -> int:
    """ms until nothing of what was counted is left."""
    if window.current:
        return 2 * MINUTE - age(window, now)
    return MINUTE - age(window, now) if window.previous else 0


def age(window: Window, now: int) -> int:
    return min(MINUTE, max(0, now - window.start))
