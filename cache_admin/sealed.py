"""What is sealed here and to which place each seal is bound: a value that was moved does not unseal (threat T9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from keys.secrecy.sealing import place, ring, seal_under, unseal_under

Part = Literal["request", "answer"]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one completion is kept: the digest of what was asked, and whose it is. caller_key: 32 bytes that only its
    caller's token and request make, and that it is sealed under; b"": it is sealed under the installation's ring. name:
    the digest in hex."""

    digest: bytes
    scope: str
    caller_key: bytes = field(default=b"", repr=False)
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.digest.hex())

    def seal(self, part: Part, plain: bytes) -> bytes:
        return self._sealed(plain, completion_place(self.name, self.scope, part))

    def unseal(self, part: Part, sealed: bytes) -> bytes:
        """The plain part. Raises SealBroken where it was sealed for another slot, part or caller."""
        return self._unsealed(sealed, completion_place(self.name, self.scope, part))

    def seal_piece(self, call: str, number: int, plain: bytes) -> bytes:
        """Seal what has come of an answer that is still being made. call: the id of the call that makes it; number: how
        many pieces came before."""
        return self._sealed(plain, piece_place(self.name, self.scope, call, number))

    def unseal_piece(self, call: str, number: int, sealed: bytes) -> bytes:
        """Raises SealBroken where it is another slot's, call's or number's."""
        return self._unsealed(sealed, piece_place(self.name, self.scope, call, number))

    def _sealed(self, plain: bytes, where: bytes) -> bytes:
        return seal_under(self.caller_key, plain, where) if self.caller_key else ring().seal(plain, where)

    def _unsealed(self, sealed: bytes, where: bytes) -> bytes:
        return unseal_under(self.caller_key, sealed, where) if self.caller_key else ring().unseal(sealed, where)


def unseal_completion(digest: str, scope: str, part: Part, sealed: bytes) -> bytes:
    """One part of the completion `digest` (hex) of `scope`. Raises SealBroken as Slot.unseal, and where it
    is sealed to its caller."""
    return Slot(bytes.fromhex(digest), scope).unseal(part, sealed)


def completion_place(digest: str, scope: str, part: Part) -> bytes:
    return place("completion", part, digest, scope)


def piece_place(digest: str, scope: str, call: str, number: int) -> bytes:
    return place("running completion", digest, scope, call, str(number))


def seal_body(record_id: str, part: Part, plain: bytes | None) -> bytes:
    """Seal one body of the usage record `record_id`; nothing stays nothing."""
    return b"" if plain is None else ring().seal(plain, body_place(record_id, part))


def unseal_body(record_id: str, part: Part, sealed: bytes) -> bytes:
    """The plain body. Raises SealBroken."""
    return ring().unseal(sealed, body_place(record_id, part)) if sealed else b""


def body_place(record_id: str, part: Part) -> bytes:
    return place("usage body", part, record_id)
