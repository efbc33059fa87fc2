"""What went wrong or was thrown away, counted per process since its start, so that nothing is lost in silence."""

from __future__ import annotations

from collections import Counter

_counts: Counter[str] = Counter()


def count(name: str, by: int = 1) -> None:
    """Add `by` to the counter `name` (snake_case, e.g. `spool_unavailable`)."""
    _counts[name] += by


def counted() -> dict[str, int]:
    """A copy of all counters of this process."""
    return dict(_counts)
