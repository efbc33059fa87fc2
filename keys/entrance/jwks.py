"""The public keys of outside issuers (JWKS, RFC 7517, section 5), fetched through the address gate and kept.

A set is asked for anew after five minutes, and for a key id that it does not have; never twice within half a minute.
Tokens that were verified by a key end when it is no longer listed. While its address is away, what is kept goes on for
an hour.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from keys.entrance import refusals
from keys.outward.fetching import FetchFailed, Request, fetch

FRESH_SECONDS = 300.0
RETRY_SECONDS = 30.0
STALE_SECONDS = 3600.0
FETCH_SECONDS = 5.0
MOST_BYTES = 1 << 18
MOST_KEYS = 100
KINDS = ("RSA", "EC", "OKP")  # public keys alone: a shared secret (oct) has no place in a public document
# RFC 7518, section 3.1, and RFC 8037: what signs with a private key. Each key's own algorithm is the only one it takes.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
)
logger = logging.getLogger("dragoman.keys")


@dataclass(slots=True)
class _Set:
    """What one address gave. Monotonic seconds."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: Mapping[str, PyJWK] = field(default_factory=dict)
    read_at: float = float("-inf")
    tried_at: float = float("-inf")

    def current(self, key_id: str, now: float) -> PyJWK | None:
        return self.keys.get(key_id) if now - self.read_at < FRESH_SECONDS else None

    def may_ask(self, now: float) -> bool:
        return now - self.tried_at >= RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as it was listed at `url` under `key_id`."""

    url: str
    key_id: str
    key: PyJWK

    def holds(self) -> bool:
        """Whether it is the same key still, of a reading that is not too old. One that is due is made meanwhile, and
        nobody waits for it: the answer is that of the reading before."""
        kept, now = _sets.get(self.url), time.monotonic()
        if kept is None or now - kept.read_at > STALE_SECONDS:
            return False
        if now - kept.read_at >= FRESH_SECONDS and kept.may_ask(now):
            kept.tried_at = now
            threading.Thread(target=_fetch, args=(kept, self.url), daemon=True, name="dragoman-jwks").start()
        return kept.keys.get(self.key_id) is self.key


_sets: dict[str, _Set] = {}


def listed(url: str, key_id: str) -> Listed:
    """The key of this id among those at `url`; "" stands for the only one that there is. AccessRefused: 401 for one
    that is not there, 503 while the keys cannot be had. May block for a fetch."""
    kept = _sets.setdefault(url, _Set())
    found = kept.current(key_id, time.monotonic())
    return Listed(url, key_id, found if found is not None else _refreshed(kept, url, key_id))


def _refreshed(kept: _Set, url: str, key_id: str) -> PyJWK:
    with kept.lock:
        now = time.monotonic()
        if kept.current(key_id, now) is None and kept.may_ask(now):
            kept.tried_at = now
            _fetch(kept, url)
    if time.monotonic() - kept.read_at > STALE_SECONDS:
        raise refusals.away()
    found = kept.keys.get(key_id)
    if found is None:
        raise refusals.wrong()
    return found


def _fetch(kept: _Set, url: str) -> None:
    """Read the set anew; where that fails, the old one stays."""
    try:
        answer = fetch(Request("GET", url, {"accept": "application/json"}, seconds=FETCH_SECONDS, most=MOST_BYTES))
        if answer.status != 200:
            raise FetchFailed(f"status {answer.status}")
        kept.keys, kept.read_at = usable(json.loads(answer.body)), time.monotonic()
    except (FetchFailed, ValueError, RecursionError) as error:
        logger.warning("the keys at %s could not be read: %s", url, error or type(error).__name__)


def usable(document: Any) -> dict[str, PyJWK]:
    """{key id: key} of a JWKS document: those that may verify what we take. ValueError if it is none."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("this is no JWKS document")
    found: dict[str, PyJWK] = {}
    for one in listed[:MOST_KEYS]:
        made = _made(one)
        if made is not None:
            found[str(one.get("kid", ""))] = made
    if len(found) == 1:
        found.setdefault("", next(iter(found.values())))  # a token need not name the only key (RFC 7515, 4.1.4)
    return found


def _made(one: Any) -> PyJWK | None:
    if not isinstance(one, dict) or one.get("kty") not in KINDS or one.get("use", "sig") != "sig":
        return None
    try:
        made = PyJWK(one)
    except (PyJWTError, ValueError, TypeError):
        return None
    weak = made.algorithm_name not in ALGORITHMS or made.Algorithm.check_key_length(made.key)
    return None if weak else made


def forget() -> None:
    """Drop what is kept."""
    _sets.clear()
