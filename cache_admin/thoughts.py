"""What a model thought, kept for its next turn: sealed values in Redis, bound to their owner and their name.

Opaque here: proxy_api.vault knows what is in them. Nothing is kept in the database. Where a key seals to its caller,
they open with its token alone, as its completions do: the thoughts tell what was asked.
Invariant: nothing here raises for want of Redis or of the pepper; then nothing is kept and nothing is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b

from keys.reading import DatabaseAway
from keys.redis import RedisAway, ResponseError, command, tell
from keys.secrecy.pepper import pepper
from keys.secrecy.sealing import SealBroken, derived_key, place, ring, seal_under, unseal_under
from keys.settled import settings

VERSION = "1"  # of what is sealed: another one is not found
MOST_BYTES = 1 << 20  # of one answer: what search tools bring along runs to 100 kB
_AWAY = (RedisAway, ResponseError, DatabaseAway, SealBroken)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose thoughts these are: the caller's cache scope, and the provider and model that made them. caller_mark: what
    the caller's token makes (its Identity), where nobody without it shall read them; b"": the installation may."""

    scope: str
    provider: str
    model: str
    caller_mark: bytes = field(default=b"", repr=False)

    def place(self, *names: str) -> bytes:
        return place("reasoning", VERSION, self.scope, self.provider, self.model, *names)

    def seal(self, name: str, plain: bytes) -> bytes:
        where = self.place(name)
        return seal_under(self._key(), plain, where) if self.caller_mark else ring().seal(plain, where)

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Raises SealBroken."""
        where = self.place(name)
        return unseal_under(self._key(), sealed, where) if self.caller_mark else ring().unseal(sealed, where)

    def _key(self) -> bytes:
        return derived_key(self.caller_mark, b"thoughts sealed to the caller")


def enabled() -> bool:
    return bool(settings.DRAGOMAN_REASONING_TTL > 0)


def put(owner: Owner, names: Iterable[str], value: bytes) -> None:
    """Keep `value` under each of these names for DRAGOMAN_REASONING_TTL seconds. Nobody waits for it."""
    if not enabled() or len(value) > MOST_BYTES:
        return
    with suppress(*_AWAY):
        for name in names:
            tell("SET", address(owner, name), owner.seal(name, value), "EX", settings.DRAGOMAN_REASONING_TTL)


def find(owner: Owner, names: Collection[str]) -> dict[str, bytes]:
    """What is kept under these names, in one exchange with Redis."""
    found: dict[str, bytes] = {}
    if not enabled() or not names:
        return found
    with suppress(*_AWAY):
        for name, sealed in zip(names, command("MGET", *[address(owner, name) for name in names]), strict=True):
            if sealed is not None:
                with suppress(SealBroken):
                    found[name] = owner.unseal(name, sealed)
    return found


def address(owner: Owner, name: str) -> str:
    """Where it stands in Redis: tells nothing, cannot be guessed, and is never the same for two owners."""
    secret = owner.caller_mark or pepper("reasoning")
    return "r:" + blake2b(owner.place(name), digest_size=20, key=secret).hexdigest()
