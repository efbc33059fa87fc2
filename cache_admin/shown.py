"""Figures as the pages show them. Apart from the admin, because template tags are loaded while unfold's is."""

from __future__ import annotations

from decimal import Decimal

NONE = "–"


def counted(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def dollars(amount: Decimal | None) -> str:
    """USD without trailing zeros; unknown is not 0."""
    if amount is None:
        return NONE
    return f"${amount.normalize():f}" if amount else "$0"
