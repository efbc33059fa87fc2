"""Temporary credentials: JWTs of our own (RFC 7519), made with a key, with at most its rights, gone when it is gone.

Nothing of them is stored: they name their key and are signed (HS256, and never anything else) by a secret of the
installation. Names of claims and texts of refusals are the reference's (Braintrust's proxy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

from keys.entrance import refusals, remembered
from keys.entrance.identity import Identity
from keys.secrecy.pepper import pepper

ISSUER = "braintrust_proxy"
PURPOSE = "temporary credentials"
ALGORITHM = "HS256"
ID_PREFIX = "bt_tmp:"
DEFAULT_SECONDS, MOST_SECONDS, BRIEF_SECONDS = 600, 86_400, 60
REQUIRED = ("iss", "aud", "jti", "iat", "exp", "sub")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a credential is asked to be. model: the only one that it may use; organization: what binds it; logging:
    what its calls are logged under, as the reference has it (`project_name` or `parent`)."""

    seconds: float = DEFAULT_SECONDS
    model: str | None = None
    organization: str = ""
    logging: Mapping[str, Any] | None = None


def issue(identity: Identity, wishes: Wishes, now: float, unique: str) -> str:
    """A credential of the key behind `identity` (kind `virtual`). now: Unix seconds; unique: a UUID. DatabaseAway."""
    organization = wishes.organization or identity.organization
    said = {"org_name": organization, "model": wishes.model, "logging": wishes.logging}
    begins = moment(now, wishes.seconds)
    claims = {
        "iss": ISSUER,
        "aud": ISSUER,
        "jti": f"{ID_PREFIX}{unique}",
        "iat": begins,
        "exp": begins + wishes.seconds,
        "sub": identity.id,
        "bt": {name: value for name, value in said.items() if value is not None},
    }
    return jwt.encode(claims, pepper(PURPOSE), algorithm=ALGORITHM)


def moment(now: float, seconds: float) -> float:
    """When a life of `seconds` begins: a whole second, as everybody writes it; of a brief one a fraction that a float
    holds exactly (RFC 7519 allows both), or a credential of one second would be over before it is used."""
    return int(now) if seconds >= BRIEF_SECONDS else int(now * 1024) / 1024


def span_parent(logging: Mapping[str, Any] | None) -> str:
    """What x-bt-parent would say of these calls; "" where they are logged nowhere in particular."""
    found = logging or {}
    project = found.get("project_name")
    return str(found.get("parent") or (f"project_name:{project}" if project else ""))


class Temporary:
    """A credential whose signature has been verified, once; what it may do is its key's to say, at each call."""

    __slots__ = ("_made", "_of", "expires_at", "key_id", "model", "organization", "parent", "unique")

    def __init__(self, claims: Mapping[str, Any]) -> None:
        said = claims["bt"]
        self.unique, self.key_id, self.expires_at = str(claims["jti"]), str(claims["sub"]), float(claims["exp"])
        self.model: str | None = said.get("model")
        self.organization, self.parent = str(said.get("org_name", "")), span_parent(said.get("logging"))
        self._of: tuple[Identity, Identity] | None = None  # the key's identity, and what was made of it

    def holds(self) -> bool:
        """Our own signature does not change its mind."""
        return True

    def identity(self) -> Identity:
        """Raises AccessRefused: 401 where the key may not be used any more, 503 where nobody knows."""
        parent = remembered.BY_ID.get(self.key_id)
        if parent is None:
            raise refusals.parent_gone()
        if self._of is None or self._of[0] is not parent:
            self._of = parent, self._narrowed(parent)
        return self._of[1]

    def _narrowed(self, parent: Identity) -> Identity:
        """The key's rights, limits and cache, narrowed."""
        ends = self.expires_at if parent.expires_at is None else min(self.expires_at, parent.expires_at)
        return replace(
            parent,
            kind="temporary",
            rights=replace(parent.rights, only_model=self.model),
            expires_at=ends,
            organization=parent.organization or self.organization or None,
            temporary=self.unique,
            parent=self.parent,
        )


def verified(token: str) -> Temporary:
    """What `token` says, if we signed it and it is complete. Raises AccessRefused (401), DatabaseAway."""
    try:
        claims = jwt.decode(
            token,
            pepper(PURPOSE),
            algorithms=[ALGORITHM],
            audience=ISSUER,
            issuer=ISSUER,
            leeway=1,  # PyJWT cuts fractions off; `expires_at` is exact
            options={"require": list(REQUIRED)},
        )
    except PyJWTError as error:
        raise refusals.of_jwt(error) from None
    if not isinstance(claims.get("bt"), dict) or not str(claims["jti"]).startswith(ID_PREFIX):
        raise refusals.wrong()
    return Temporary(claims)
