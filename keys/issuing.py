"""Making and revoking virtual keys: the only place where a token exists in the clear, and only until it is shown."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from keys import access, tokens
from keys.models import ANONYMOUS, VirtualKey


def issue(
    name: str, models: Sequence[str] = (), expires: datetime | None = None, note: str = ""
) -> tuple[VirtualKey, str]:
    """A new key, saved, and its token, which is nowhere else."""
    key = VirtualKey(name=name, models=list(models), expires_at=expires, note=note)
    token = put_token(key)
    key.save()
    return key, token


def put_token(key: VirtualKey) -> str:
    """Give `key` a new token: the row gets what is kept of it, the caller the token."""
    token = tokens.new_token(secrets.token_bytes(32))
    key.prefix, key.last_four = token[: tokens.SHOWN], token[-4:]
    key.digest = access.digest_of(token)
    return token


def revoke(key: VirtualKey, now: datetime) -> None:
    """From now on nobody uses it; within a second in every process. Idempotent: the first moment stays."""
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])


def ensure_anonymous() -> None:
    """The built-in key that callers without a token run as, where the operator allows them: a row like any other."""
    VirtualKey.objects.get_or_create(
        id=ANONYMOUS,
        defaults={
            "name": ANONYMOUS,
            "digest": ANONYMOUS,  # no HMAC in hex reads like this: no token is this key's
            "note": "Requests without a token run as this key, if DRAGOMAN_ALLOW_ANONYMOUS is on.",
        },
    )
