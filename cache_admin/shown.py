"""Figures as the pages show them. Apart from the admin, because template tags are loaded while unfold's is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

NONE = "-"  # as Django's admin shows what is empty


def counted(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def dollars(amount: Decimal | None) -> str:
    """USD without trailing zeros; unknown is not 0."""
    if amount is None:
        return NONE
    return f"${amount.normalize():f}" if amount else "$0"


def milliseconds(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}"


def moment(at: datetime | None) -> str:
    """UTC, to the second (settings.TIME_ZONE)."""
    return NONE if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def digest(name: str) -> str:
    """Hex in groups, so that a phone can break the line; the searches take it with or without the spaces."""
    return " ".join(name[start : start + 16] for start in range(0, len(name), 16)) or NONE
