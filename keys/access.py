"""Who is calling: the two headers in, an Identity out, about 10 us for a key that this process has seen.

What was read of a key is kept in the process under the HMAC-SHA256 of the whole token (never a part of it: threat T7),
and is stale as soon as the revision changes. While the database is away, what is kept goes on working for
settings.DRAGOMAN_KEY_GRACE seconds after its last sign of life; an unknown key then gets 503, never 401.

Invariant: knows no HTTP framework. Every wrong key gets the same answer, whatever is wrong with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from contextlib import suppress
from typing import NamedTuple

from django.utils import timezone

from keys import callers, freshness, tokens
from keys.identity import Identity
from keys.models import ANONYMOUS
from keys.pepper import pepper, peppered
from keys.reading import DATABASE, DatabaseAway
from keys.secret import Secret
from keys.settled import settings

DIGEST = "virtual key"
MARK = "virtual key marks"
MOST_KNOWN = MOST_UNKNOWN = 10_000
UNKNOWN_SECONDS = 5.0
OUR_ISSUER = "braintrust_proxy"
# What may stand in a header without harm: requests lets NUL and raw latin-1 through.
SENDABLE = re.compile(r"[\x21-\x7e]+")


class AccessRefused(Exception):
    """No identity. status, code and message are what the caller is told; message holds nothing of the token."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Entry(NamedTuple):
    """What was read of a token: its identity, None for an unknown or revoked one, and when."""

    identity: Identity | None
    generation: int
    read_at: float


_digests: dict[bytes, str] = {}
_known: dict[str, Entry] = {}
_unknown: dict[str, Entry] = {}


def identify(authorization: str | None, api_key: str | None) -> Identity:
    """The caller. `api_key` (x-api-key or api-key) counts only without `authorization`. AccessRefused otherwise."""
    token = presented(authorization, api_key)
    if token is None:
        return anonymous()
    if token.startswith(tokens.PREFIX):
        return issued(token)
    return own_provider_key(token)


def presented(authorization: str | None, api_key: str | None) -> str | None:
    """The token, None if there is none. More or less than two words in authorization are as good as none."""
    if not authorization:
        return api_key or None
    words = authorization.split(" ")
    if len(words) != 2 or not words[1]:
        raise missing()
    if words[0].lower() != "bearer":
        raise wrong()
    return words[1]


def issued(token: str) -> Identity:
    if not tokens.checksum_holds(token):
        raise wrong()
    try:
        digest = digest_of(token)
    except DatabaseAway:
        raise away() from None
    identity = known(digest)
    if identity is None:
        raise wrong()
    return identity


def digest_of(token: str) -> str:
    """What is stored of a token: HMAC-SHA256 under the pepper, in hex. Made once a process for each token; OpenSSL's
    HMAC costs ten times a keyed BLAKE2b, whose full 256 bits tell the tokens apart meanwhile."""
    mark = hashlib.blake2b(token.encode(), key=pepper(MARK), digest_size=32).digest()
    found = _digests.get(mark)
    if found is None:
        if len(_digests) >= MOST_KNOWN:
            _digests.clear()
        found = _digests[mark] = peppered(DIGEST, token)
    return found


def anonymous() -> Identity:
    identity = known(ANONYMOUS) if settings.DRAGOMAN_ALLOW_ANONYMOUS else None
    if identity is None:
        raise missing()
    return identity


def own_provider_key(token: str) -> Identity:
    """The caller's own key for the provider that the model names, if the operator allows it."""
    ours = tokens.looks_like_ours(token) or has_our_issuer(token)
    if not settings.DRAGOMAN_ALLOW_PROVIDER_KEYS or ours or not SENDABLE.fullmatch(token):
        raise wrong()
    try:
        mark = "pk:" + peppered("provider key", token)
    except DatabaseAway:
        raise away() from None
    return Identity(kind="provider_key", id=mark[:15], name="provider key", scope=mark, provider_key=Secret(token))


def has_our_issuer(token: str) -> bool:
    """Whether `token` is a JWT (RFC 7519) that names us as its issuer. Its signature is not looked at."""
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(claims, dict) and claims.get("iss") == OUR_ISSUER


def known(digest: str) -> Identity | None:
    """The identity under `digest`: from memory, else from the database. None if it is unknown, revoked or expired."""
    entry = _known.get(digest)
    if entry is None or entry.generation != freshness.generation() or not in_grace(entry):
        entry = read(digest, entry)
    identity = entry.identity
    return None if identity is None or identity.expired(time.time()) else identity


def in_grace(entry: Entry) -> bool:
    seen = max(entry.read_at, freshness.database_seen())
    return bool(time.monotonic() - seen <= settings.DRAGOMAN_KEY_GRACE)


def read(digest: str, stale: Entry | None) -> Entry:
    """Ask the database; where it is away, make do with what was known before."""
    generation = freshness.generation()  # before the read: a change during it makes the entry stale
    unknown = _unknown.get(digest)
    if unknown and unknown.generation == generation and time.monotonic() - unknown.read_at < UNKNOWN_SECONDS:
        return unknown
    try:
        identity = DATABASE.read(lambda: callers.by_digest(digest, timezone.now()))
    except DatabaseAway:
        if stale is not None and in_grace(stale):
            return stale
        raise away() from None
    entry = Entry(identity, generation, time.monotonic())
    remember(digest, entry)
    return entry


def remember(digest: str, entry: Entry) -> None:
    if entry.identity is None:
        _known.pop(digest, None)
        put(_unknown, digest, entry, MOST_UNKNOWN)
    else:
        _unknown.pop(digest, None)
        put(_known, digest, entry, MOST_KNOWN)


def put(kept: dict[str, Entry], digest: str, entry: Entry, most: int) -> None:
    """Keep `entry`; the oldest goes where there are too many."""
    kept.pop(digest, None)
    if len(kept) >= most:
        with suppress(RuntimeError, StopIteration):  # another thread put something in between: it made room as well
            kept.pop(next(iter(kept)), None)
    kept[digest] = entry


def forget() -> None:
    """Drop what this process has kept of keys."""
    _digests.clear()
    _known.clear()
    _unknown.clear()


def missing() -> AccessRefused:
    return AccessRefused(401, "invalid_api_key", "Missing Authentication header")


def wrong() -> AccessRefused:
    return AccessRefused(401, "invalid_api_key", "Incorrect API key provided.")


def away() -> AccessRefused:
    return AccessRefused(503, "auth_unavailable", "This key cannot be checked at the moment. Try again shortly.")
