"""Who is calling at /v1/admin/: an admin key, and nobody else. No virtual key opens it, and no session of a browser.

Kept, dropped and refused as virtual keys are: a revoked one is out within a second, and every wrong one gets the same
answer (see access.py, remembered.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from keys.entrance import access, refusals, tokens
from keys.entrance.remembered import Remembered
from keys.models import AdminKey, Role
from keys.reading import DatabaseAway

DIGEST = "admin key"


@dataclass(frozen=True, slots=True)
class AdminIdentity:
    """One admin key. name: as the audit log calls it; expires_at: Unix seconds."""

    id: str
    name: str
    role: Role
    expires_at: float | None = None

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at


def identify(authorization: str | None, api_key: str | None = None) -> AdminIdentity:
    """Of the two headers as access.identify() reads them. AccessRefused: 401, 503."""
    token = access.presented(authorization, api_key)
    if token is None:
        raise refusals.missing()
    if not tokens.checksum_holds(token, tokens.ADMIN_PREFIX):
        raise refusals.wrong()
    try:
        identity = BY_DIGEST.get(access.digest_of(token, DIGEST))
    except DatabaseAway:
        raise refusals.away() from None
    if identity is None:
        raise refusals.wrong()
    return identity


def by_digest(digest: str, now: datetime) -> AdminIdentity | None:
    """None for an unknown or revoked one."""
    row = AdminKey.objects.filter(digest=digest, revoked_at=None).first()
    if row is None:
        return None
    return AdminIdentity(row.id, row.name, Role(row.role), row.expires_at.timestamp() if row.expires_at else None)


BY_DIGEST = Remembered(by_digest)


def forget() -> None:
    """Drop what this process has kept of admin keys."""
    BY_DIGEST.forget()
