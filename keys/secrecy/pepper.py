"""The pepper under which issued keys are stored: out of a random secret of the installation, sealed in the database.

Not out of the master keys or Django's secret: rotating those must not make every issued key unknown. It never changes,
so it is read once per process.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from keys.models import InstallationSecret
from keys.reading import DATABASE
from keys.secrecy import sealing

ROOT = "pepper"
_kept: dict[str, bytes] = {}  # by purpose; the installation's secret itself under ROOT


def pepper(purpose: str) -> bytes:
    """32 bytes for `purpose`, the same on every host of the installation. DatabaseAway, SealBroken."""
    found = _kept.get(purpose)
    if found is None:
        found = _kept[purpose] = sealing.derived_key(_root(), purpose.encode())
    return found


def peppered(purpose: str, text: str) -> str:
    """HMAC-SHA256 of `text` under the pepper of `purpose`, in hex."""
    return hmac.digest(pepper(purpose), text.encode(), hashlib.sha256).hex()


def fingerprint(secret: str) -> str:
    """What tells a provider's secrets apart where they may not be shown: 48 bits, of no use to guess one by."""
    return peppered("fingerprint", secret)[:12]


def marked(purpose: str, text: str) -> bytes:
    """What tells texts apart in this process's memory: keyed BLAKE2b (RFC 7693), all 256 bits, about 1 us. OpenSSL's
    HMAC costs ten times that. Never stored."""
    return hashlib.blake2b(text.encode(), key=pepper(purpose), digest_size=32).digest()


def ensure() -> None:
    """Make the installation's secret if there is none. Of several hosts that try at once, one wins for all."""
    row = InstallationSecret(name=ROOT)
    row.sealed = sealing.ring().seal(secrets.token_bytes(32), row.place())
    _, made = InstallationSecret.objects.get_or_create(name=ROOT, defaults={"sealed": row.sealed})
    if made:
        forget()


def forget() -> None:
    """Drop what this process has kept."""
    _kept.clear()


def _root() -> bytes:
    """Read once for all purposes: a first cacheable request must not need a database that has gone since."""
    found = _kept.get(ROOT)
    if found is None:
        found = _kept[ROOT] = DATABASE.read(_read_root)
    return found


def _read_root() -> bytes:
    row = InstallationSecret.objects.filter(name=ROOT).first()
    if row is None:
        ensure()
        row = InstallationSecret.objects.get(name=ROOT)
    return sealing.ring().unseal(bytes(row.sealed), row.place())
