"""The form of what we issue: `dgm_` for a virtual key, `dga_` for an admin key, 43 base62 characters (256 bits), 6
base62 characters of the CRC-32 of all before them.

The checksum tells a mistyped key without any I/O, and lets secret scanners find ours without false alarms
(https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/). Pure.
"""

from __future__ import annotations

import re
import zlib

PREFIX = "dgm_"
ADMIN_PREFIX = "dga_"
PREFIXES = (PREFIX, ADMIN_PREFIX)  # of one length
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY, CHECK = 43, 6  # 62**43 > 2**256, 62**6 > 2**32
SHOWN = 9  # how many leading characters a list may show: the prefix and 30 of the 256 bits

_REST = re.compile(rf"[0-9A-Za-z]{{{BODY + CHECK}}}", re.ASCII)
# dgm_, whatever its case, behind quotes or blanks that came along when it was copied; or with another mark for `_`.
_OURS = re.compile(r"[\W_]*dg[ma][_-]", re.ASCII | re.IGNORECASE)
_TAIL = re.compile(rf"[0-9A-Za-z]{{{BODY + CHECK}}}\W*\Z", re.ASCII)


def new_token(randomness: bytes, prefix: str = PREFIX) -> str:
    """A token out of 32 random bytes. ValueError for any other length."""
    if len(randomness) != 32:
        raise ValueError("a token is made of 32 random bytes")
    unchecked = prefix + _base62(int.from_bytes(randomness, "big"), BODY)
    return unchecked + _checksum(unchecked)


def looks_like_ours(text: str) -> bool:
    """Whether `text` was meant to be one of our tokens, mistyped ones included: such a text never leaves the house."""
    if _OURS.match(text):
        return True
    tail = _TAIL.search(text)
    return tail is not None and any(checksum_holds(f"{one}{tail.group()[: BODY + CHECK]}", one) for one in PREFIXES)


def checksum_holds(text: str, prefix: str = PREFIX) -> bool:
    """Whether `text` has the whole form, checksum included. Costs about 2 us, and no I/O."""
    formed = text.startswith(prefix) and _REST.fullmatch(text, len(prefix)) is not None
    return formed and text[-CHECK:] == _checksum(text[:-CHECK])


def _checksum(unchecked: str) -> str:
    rest, last = divmod(zlib.crc32(unchecked.encode("ascii")), 3844)
    first, middle = divmod(rest, 3844)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


_PAIRS = tuple(_base62(number, 2) for number in range(62 * 62))
