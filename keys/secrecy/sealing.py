"""AES-256-GCM under a versioned key ring: what is kept sealed, and bound to its place.

A sealed value: version (1 byte, 0x01), key id (4 bytes), nonce (12 random bytes), ciphertext with its 16-byte tag.
Header and the caller's AAD are authenticated, so a value moved to another row or purpose does not unseal (threat T4).
What no key of the ring may open is sealed under a key of its own (`seal_under`): version 0x02, nonce, ciphertext.
Random 96-bit nonces hold for 2**32 values a key (NIST SP 800-38D, section 8.3): rotate the ring before.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.settled import settings

VERSION = b"\x01"
VERSION_UNDER = b"\x02"
HEADER = 5
NONCE = 12
LEAST_CHARACTERS = 32


class SealBroken(Exception):
    """A sealed value that does not open: another key ring, another place, or bytes that were changed."""


class KeyRing:
    """The master keys, newest first: the first seals, all unseal."""

    __slots__ = ("_by_id", "_newest", "_newest_id")

    def __init__(self, master_keys: tuple[str, ...]) -> None:
        faults = ring_faults(master_keys)
        if faults:
            raise ValueError(faults[0])
        derived = [derived_key(text.encode(), b"dragoman sealing") for text in master_keys]
        ids = [hashlib.sha256(b"dragoman key id" + key).digest()[:4] for key in derived]
        self._by_id = {key_id: AESGCM(key) for key_id, key in zip(ids, derived, strict=True)}
        self._newest_id = ids[0]
        self._newest = self._by_id[ids[0]]

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """A ring from a comma-separated list, newest first. ValueError if it is empty, short or has a key twice."""
        return cls(tuple(part.strip() for part in text.split(",") if part.strip()))

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        return _sealed(self._newest, VERSION + self._newest_id, plain, aad)

    def unseal(self, sealed: bytes, aad: bytes) -> bytes:
        """The plain bytes; SealBroken if they are not what was sealed here under `aad`."""
        header = sealed[:HEADER]
        key = self._by_id.get(header[1:])
        if header[:1] != VERSION or key is None:
            raise SealBroken("sealed under a key that is not on the ring")
        return _unsealed(key, header, sealed, aad)

    def is_newest(self, sealed: bytes) -> bool:
        return sealed[:HEADER] == VERSION + self._newest_id

    def resealed(self, sealed: bytes, aad: bytes) -> bytes:
        """The same under the newest key; as it is where it is under that already."""
        return sealed if self.is_newest(sealed) else self.seal(self.unseal(sealed, aad), aad)


def seal_under(key: bytes, plain: bytes, aad: bytes) -> bytes:
    """Seal under `key` (32 bytes) alone: whoever cannot make it anew cannot open this, whatever the ring holds."""
    return _sealed(AESGCM(key), VERSION_UNDER, plain, aad)


def unseal_under(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """What seal_under() sealed; SealBroken if it is none of that."""
    if sealed[:1] != VERSION_UNDER:
        raise SealBroken("not sealed under a key of its own")
    return _unsealed(AESGCM(key), VERSION_UNDER, sealed, aad)


def _sealed(cipher: AESGCM, header: bytes, plain: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return header + nonce + cipher.encrypt(nonce, plain, header + aad)


def _unsealed(cipher: AESGCM, header: bytes, sealed: bytes, aad: bytes) -> bytes:
    begin = len(header) + NONCE
    try:
        return cipher.decrypt(sealed[len(header) : begin], sealed[begin:], header + aad)
    except (InvalidTag, ValueError):
        raise SealBroken("the sealed value was changed or moved") from None


def ring_faults(master_keys: tuple[str, ...]) -> list[str]:
    """What is wrong with a key ring, in words that hold none of it."""
    if not master_keys:
        return ["the key ring is empty"]
    faults = [
        f"master key {place} is shorter than {LEAST_CHARACTERS} characters"
        for place, text in enumerate(master_keys, 1)
        if len(text) < LEAST_CHARACTERS
    ]
    if len(set(master_keys)) != len(master_keys):
        faults.append("a master key stands twice on the ring")
    return faults


def derived_key(master: bytes, purpose: bytes) -> bytes:
    """32 bytes of HKDF-SHA256 (RFC 5869): one secret, a key of its own for each purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(master)


def place(*parts: str) -> bytes:
    """AAD that names a place, e.g. table, primary key, purpose. Each part with its length: no two read the same."""
    return "".join([f"{len(part)}:{part}," for part in parts]).encode()


def ring() -> KeyRing:
    """The installation's ring (settings.DRAGOMAN_MASTER_KEYS)."""
    return _ring(settings.DRAGOMAN_MASTER_KEYS)


@lru_cache(maxsize=4)
def _ring(master_keys: tuple[str, ...]) -> KeyRing:
    return KeyRing(master_keys)
