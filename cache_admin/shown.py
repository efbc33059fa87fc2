"""Figures as the pages show them. Apart from the admin, because template tags are loaded while unfold's is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

LISTED = (
    "What you save here is yours, and the daily reading of the list leaves it as it is. "
    "Delete it, and what the list says comes back."
)
CENT = Decimal("0.01")
NONE = "-"  # as Django's admin shows what is empty
STATUS_COLOURS = {
    "ok": "success",
    "open": "info",
    "refused": "warning",
    "rate limited": "warning",
    "client disconnect": "warning",
    "client timeout": "warning",
    "shutdown": "warning",
    "upstream error": "danger",
    "incomplete": "danger",
    "timeout connect": "danger",
    "timeout first byte": "danger",
    "timeout idle": "danger",
    "timeout total": "danger",
    "aborted": "danger",
    "error": "danger",
}


def counted(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def dollars(amount: Decimal | None) -> str:
    """USD without trailing zeros; unknown is not 0."""
    if amount is None:
        return NONE
    return f"${amount.normalize():f}" if amount else "$0"


def roughly(amount: Decimal | None) -> str:
    """USD for a heading: cents from one dollar on, below that two digits that count, and no less than cents."""
    if not amount:
        return dollars(amount)
    rounded = amount if amount >= 1 else Decimal(f"{amount:.1e}")
    return f"${rounded:,.2f}" if rounded >= 1 or rounded % CENT == 0 else dollars(rounded)


def split(received: int, sent: int) -> str:
    return f"{received:,} in, {sent:,} out"


def unpriced(number: int, calls: int) -> str:
    """Beside a cost: how many calls it leaves out."""
    if number:
        return f"{number:,} call{'' if number == 1 else 's'} without a price"
    return "every call priced" if calls else "nothing to price"


def words(code: str) -> str:
    """A code of the ledger as it is read: upstream_error is an upstream error."""
    return code.replace("_", " ")


def milliseconds(value: float | None) -> str:
    """Tenths only where they tell something."""
    if value is None:
        return NONE
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def moment(at: datetime | None) -> str:
    """UTC, to the second (settings.TIME_ZONE)."""
    return NONE if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def digest(name: str) -> str:
    """Hex in groups, so that a phone can break the line; the searches take it with or without the spaces."""
    return " ".join(name[start : start + 16] for start in range(0, len(name), 16)) or NONE
