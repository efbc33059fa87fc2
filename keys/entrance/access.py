"""Who is calling: the two headers in, an Identity out, about 10 us for a key or a token that this process has seen.

What was read is kept in the process (see remembered.py and signed.py) under a mark of the whole token, never of a part
of it (threat T7). While the database is away, what is kept goes on working for a while; an unknown key gets 503.

Invariant: knows no HTTP framework. Every wrong key gets the same answer, whatever is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from keys.entrance import refusals, remembered, signed, tokens
from keys.entrance.identity import Identity
from keys.models import ANONYMOUS
from keys.reading import DatabaseAway
from keys.secrecy.pepper import marked, peppered
from keys.secrecy.secret import Secret
from keys.settled import settings

DIGEST = "virtual key"
MARK = "virtual key marks"
CALLER_MARK = "caller marks"
# What may stand in a header without harm: requests lets NUL and raw latin-1 through.
SENDABLE = re.compile(r"[\x21-\x7e]+")

_digests: dict[bytes, str] = {}


def identify(authorization: str | None, api_key: str | None) -> Identity:
    """The caller. `api_key` (x-api-key or api-key) counts only without `authorization`. AccessRefused otherwise."""
    token = presented(authorization, api_key)
    if token is None:
        return with_mark(anonymous(), "")
    try:
        if token.startswith(tokens.PREFIX):
            return with_mark(issued(token), token)
        return with_mark(signed.identify(token) or own_provider_key(token), token)
    except DatabaseAway:
        raise refusals.away() from None


def with_mark(identity: Identity, token: str) -> Identity:
    """With what tells this token from all others, where the key seals its completions to who presents it. DatabaseAway
    where this process has never read the pepper."""
    return replace(identity, caller_mark=marked(CALLER_MARK, token)) if identity.seal_to_caller else identity


def presented(authorization: str | None, api_key: str | None) -> str | None:
    """The token, None if there is none. More or less than two words in authorization are as good as none."""
    if not authorization:
        return api_key or None
    words = authorization.split(" ")
    if len(words) != 2 or not words[1]:
        raise refusals.missing()
    if words[0].lower() != "bearer":
        raise refusals.wrong()
    return words[1]


def issued(token: str) -> Identity:
    if not tokens.checksum_holds(token):
        raise refusals.wrong()
    identity = remembered.BY_DIGEST.get(digest_of(token))
    if identity is None:
        raise refusals.wrong()
    return identity


def digest_of(token: str, purpose: str = DIGEST) -> str:
    """What is stored of a token: HMAC-SHA256 under the pepper, in hex. Made once a process for each token, of which
    each has one purpose. DatabaseAway where this process has never read the pepper."""
    mark = marked(MARK, token)
    found = _digests.get(mark)
    if found is None:
        found = peppered(purpose, token)
        remembered.put(_digests, mark, found, remembered.MOST)
    return found


def anonymous() -> Identity:
    identity = remembered.BY_DIGEST.get(ANONYMOUS) if settings.DRAGOMAN_ALLOW_ANONYMOUS else None
    if identity is None:
        raise refusals.missing()
    return identity


def own_provider_key(token: str) -> Identity:
    """The caller's own key for the provider that the model names, if the operator allows it."""
    ours = tokens.looks_like_ours(token)
    if not settings.DRAGOMAN_ALLOW_PROVIDER_KEYS or ours or not SENDABLE.fullmatch(token):
        raise refusals.wrong()
    mark = "pk:" + peppered("provider key", token)
    return Identity(kind="provider_key", id=mark[:15], name="provider key", scope=mark, provider_key=Secret(token))


def forget() -> None:
    """Drop what this process has kept of keys."""
    _digests.clear()
    remembered.forget()
    signed.forget()
