"""What is sealed here and to which place each seal is bound: a value that was moved does not unseal (threat T9)."""

from __future__ import annotations

from typing import Literal

from keys.sealing import place, ring

Part = Literal["request", "answer"]


def seal_completion(digest: str, scope: str, part: Part, plain: bytes) -> bytes:
    """Seal one part of the completion `digest` (hex) of `scope`."""
    return ring().seal(plain, completion_place(digest, scope, part))


def unseal_completion(digest: str, scope: str, part: Part, sealed: bytes) -> bytes:
    """The plain part. Raises keys.sealing.SealBroken where it was sealed for another digest, scope or part."""
    return ring().unseal(sealed, completion_place(digest, scope, part))


def completion_place(digest: str, scope: str, part: Part) -> bytes:
    return place("completion", part, digest, scope)


def seal_body(record_id: str, part: Part, plain: bytes | None) -> bytes:
    """Seal one body of the usage record `record_id`; nothing stays nothing."""
    return b"" if plain is None else ring().seal(plain, body_place(record_id, part))


def unseal_body(record_id: str, part: Part, sealed: bytes) -> bytes:
    """The plain body. Raises keys.sealing.SealBroken."""
    return ring().unseal(sealed, body_place(record_id, part)) if sealed else b""


def body_place(record_id: str, part: Part) -> bytes:
    return place("usage body", part, record_id)
