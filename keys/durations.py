"""Lengths of time as people write them on a command line."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """`0`, or a whole number with s, m, h or d. ValueError for any other, and beyond 100,000 days."""
    match = re.fullmatch(r"([0-9]{1,8})([smhd])|0", text.strip(), re.ASCII)
    if match is None:
        raise ValueError("must be such as 30m, 24h, 7d or 0")
    length = timedelta(**{UNITS[match[2]]: int(match[1])}) if match[2] else timedelta(0)
    if length > timedelta(days=100_000):
        raise ValueError("must be at most 100000d")
    return length
