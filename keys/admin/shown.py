"""What the pages of several models share: Unfold's decorators with a type, and how a list of patterns is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from unfold import decorators

Decorated = TypeVar("Decorated")
# Unfold is published without types: what its decorators are is said here once.
display: Callable[..., Callable[[Decorated], Decorated]] = decorators.display
action: Callable[..., Callable[[Decorated], Decorated]] = decorators.action


def shortened(models: list[str], most: int = 3) -> str:
    """The first few of a list of patterns."""
    more = f" and {len(models) - most} more" if len(models) > most else ""
    return ", ".join(map(str, models[:most])) + more
