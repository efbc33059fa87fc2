"""JWTs of outside issuers as bearer tokens: verified by the issuer's public keys, and put into a project by a claim.

The issuers are a snapshot in memory. Who a token is for stands in `aud` (RFC 7519, 4.1.3); which keys sign, in the
issuer's JWKS (see jwks.py). A key takes its own algorithm alone: never `none`, never a shared secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from keys.entrance import callers, jwks, refusals
from keys.entrance.identity import Identity
from keys.entrance.jwks import Listed
from keys.kept import Kept
from keys.models import Project, TokenIssuer

REQUIRED = ("iss", "aud", "exp", "iat")
NAME_LONGEST = 200  # characters that the ledger keeps


@dataclass(frozen=True, slots=True)
class Issuer:
    """One row, with what its callers get. enabled: off, its tokens are still known for what they are, and refused, so
    that none is taken for a provider's key. places: value of the claim -> identity; otherwise: of a token whose claim
    has none of these, None: it is refused."""

    issuer: str
    enabled: bool
    audience: str
    jwks_url: str
    claim: str
    places: Mapping[str, Identity]
    otherwise: Identity | None

    def place(self, claims: Mapping[str, Any]) -> Identity:
        """Raises AccessRefused (403) where the claim leads to no project."""
        found = (self.places[value] for value in values(claims.get(self.claim)) if value in self.places)
        identity = next(found, self.otherwise)
        if identity is None:
            raise refusals.no_project()
        return identity


def values(claim: Any) -> Iterator[str]:
    """A claim's values in their order: one text, or a list of them (groups)."""
    yield from (str(one) for one in (claim if isinstance(claim, list) else [claim]) if one is not None)


Issuers = Mapping[str, Issuer]


def read() -> Issuers:
    rows = list(TokenIssuer.objects.select_related("default_project"))
    projects = list(Project.objects.filter(enabled=True)) if rows else []
    by_name = {name: one for one in projects for name in (one.name, one.id)}
    return {row.issuer: _issuer(row, by_name) for row in rows}


def _issuer(row: TokenIssuer, by_name: Mapping[str, Project]) -> Issuer:
    places = {str(value): by_name[str(named)] for value, named in row.projects.items() if str(named) in by_name}
    fallback = row.default_project if row.default_project and row.default_project.enabled else None
    open_to_all = not row.project_claim and row.default_project is None
    return Issuer(
        issuer=row.issuer,
        enabled=row.enabled,
        audience=row.audience,
        jwks_url=row.jwks_url,
        claim=row.project_claim,
        places={value: callers.of_issuer(row, project) for value, project in places.items()},
        otherwise=callers.of_issuer(row, fallback) if fallback or open_to_all else None,
    )


UNREAD: Issuers = {}  # what counts until the database has answered once
ISSUERS: Kept[Issuers] = Kept(read, UNREAD)


class Outside:
    """A token that has been verified, by a key and under the issuers of that moment: after any change of these it is
    anew."""

    __slots__ = ("_identity", "_issuers", "_listed", "expires_at")

    def __init__(self, identity: Identity, expires_at: float, issuers: Issuers, listed: Listed) -> None:
        self._identity, self.expires_at, self._issuers, self._listed = identity, expires_at, issuers, listed

    def holds(self) -> bool:
        return self._issuers is ISSUERS.get() and self._listed.holds()

    def identity(self) -> Identity:
        return self._identity


def known_issuer(name: str) -> Issuer | None:
    """The issuer with this `iss`. AccessRefused (503) while nobody could say yet which ones there are."""
    issuers = ISSUERS.get()
    if issuers is UNREAD:
        raise refusals.away()
    return issuers.get(name)


def verified(token: str, issuer: Issuer) -> Outside:
    """The caller whom `token` names, if `issuer` signed it for us and it is complete. Raises AccessRefused: 401; 403
    where no project is the caller's; 503 while the issuer's keys cannot be had."""
    issuers = ISSUERS.get()  # before the rest: a change meanwhile makes it stale
    if not issuer.enabled:
        raise refusals.wrong()
    try:
        listed = jwks.listed(issuer.jwks_url, jwt.get_unverified_header(token).get("kid", ""))
        claims = _claims(token, issuer, listed.key)
    except PyJWTError as error:
        raise refusals.of_jwt(error) from None
    return Outside(_caller(issuer.place(claims), claims, token), float(claims["exp"]), issuers, listed)


def _claims(token: str, issuer: Issuer, key: PyJWK) -> Mapping[str, Any]:
    """Raises PyJWTError."""
    return jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        audience=issuer.audience,
        issuer=issuer.issuer,
        options={"require": list(REQUIRED)},
    )


def _caller(place: Identity, claims: Mapping[str, Any], token: str) -> Identity:
    """Answers are cached for the subject alone, or, where the token names none, for the token."""
    subject = str(claims.get("sub") or "")
    whose = hashlib.sha256((subject or token).encode()).hexdigest()
    name = f"{place.name}: {plain(subject)}" if subject else place.name
    scope = f"outside:{place.id}:{whose}"
    return replace(place, name=name[:NAME_LONGEST], scope=scope, expires_at=float(claims["exp"]))


def plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def forget() -> None:
    """Drop what this process has kept of issuers and their keys."""
    ISSUERS.forget()
    jwks.forget()
