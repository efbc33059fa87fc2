"""UUIDv7 identifiers (RFC 9562, section 5.7): they sort by the time they were made. Python has them from 3.14 on."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7(milliseconds: int, randomness: bytes) -> str:
    """The id of a moment (Unix milliseconds) with 10 random bytes of which 74 bits are used."""
    noise = int.from_bytes(randomness, "big")
    high = (noise >> 62) & 0xFFF
    low = noise & ((1 << 62) - 1)
    digits = f"{milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def precise(nanoseconds: int, randomness: bytes) -> str:
    """The id of a moment (Unix nanoseconds) with 8 random bytes of which 62 bits are used. The other 12 are a fraction
    of the millisecond (RFC 9562, section 6.2, method 3): ids that one process makes in turn sort so."""
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    noise = (rest << 12) // 1_000_000 << 62 | int.from_bytes(randomness, "big") >> 2
    return uuid7(milliseconds, noise.to_bytes(10, "big"))


def new_id() -> str:
    return precise(time.time_ns(), os.urandom(8))


def first_id(seconds: float) -> UUID:
    """The least UUIDv7 of the moment `seconds` (Unix s): ids below it were made before."""
    return UUID(uuid7(max(0, int(seconds * 1000)), bytes(10)))
