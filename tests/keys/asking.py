"""What tests ask of access."""

from __future__ import annotations

from keys import freshness
from keys.entrance import access
from keys.entrance.refusals import AccessRefused


def works(token: str) -> bool:
    """Whether a token lets its holder in now, whatever this process has kept."""
    freshness.check_now()
    try:
        access.identify(f"Bearer {token.strip()}", None)
    except AccessRefused:
        return False
    return True
