"""JWTs as bearer tokens: whose it is, verified once, then known by its mark until it expires.

Kept is that the signature was right. Whether its key or its issuer still lets it in is asked at every call, of what
this process remembers: that costs as much as for a virtual key.
"""

from __future__ import annotations

import base64
import binascii
import json
import time

from keys.entrance import outside, refusals, temporary
from keys.entrance.identity import Identity
from keys.entrance.outside import Outside
from keys.entrance.remembered import put
from keys.entrance.temporary import Temporary
from keys.secrecy.pepper import marked

MARK = "jwt marks"
MOST = 10_000

_verified: dict[bytes, Temporary | Outside] = {}


def identify(token: str) -> Identity | None:
    """The caller that a JWT of ours, or of an issuer that we know, names; None for any other text. Raises
    AccessRefused, DatabaseAway."""
    if token.count(".") != 2:
        return None
    mark = marked(MARK, token)
    found = _verified.get(mark)
    if found is None or not found.holds():
        found = _read(token, mark)
    if found is None:
        return None
    if time.time() >= found.expires_at:
        _verified.pop(mark, None)
        raise refusals.expired()
    return found.identity()


def _read(token: str, mark: bytes) -> Temporary | Outside | None:
    found = _proven(token, issuer_of(token))
    if found is not None:
        put(_verified, mark, found, MOST)
    return found


def _proven(token: str, issuer: str | None) -> Temporary | Outside | None:
    if issuer == temporary.ISSUER:
        return temporary.verified(token)
    known = outside.known_issuer(issuer) if issuer else None
    return outside.verified(token, known) if known is not None else None


def issuer_of(token: str) -> str | None:
    """The `iss` claim of a JWT (RFC 7519), unverified; None where there is none."""
    part = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    said = claims.get("iss") if isinstance(claims, dict) else None
    return said if isinstance(said, str) else None


def forget() -> None:
    """Drop what this process has kept of tokens and issuers."""
    _verified.clear()
    outside.forget()
