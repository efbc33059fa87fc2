"""Virtual keys and admin keys made, rotated and revoked: the only place where a token is in the clear, and only until
it is shown."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from keys.administration.admin_access import DIGEST as ADMIN_DIGEST
from keys.entrance import access, tokens
from keys.models import ANONYMOUS, AdminKey, Budget, Period, Project, Role, Unit, VirtualKey

# What a rotation changes of a row, and nothing else.
ROTATED = ("prefix", "last_four", "digest", "previous_digest", "previous_last_four", "previous_until", "rotated_at")


class NotRotated(Exception):
    """This key cannot have a new secret; the text says why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a new key belongs and how much it may use; None: no limit. budget: USD a `period`."""

    project: Project | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget: Decimal | None = None
    period: str = Period.MONTH


FREE = Terms()


def issue(
    name: str, models: Sequence[str] = (), expires: datetime | None = None, note: str = "", terms: Terms = FREE
) -> tuple[VirtualKey, str]:
    """A new key, saved with its budget, and its token, which is nowhere else."""
    key = VirtualKey(name=name, models=list(models), expires_at=expires, note=note, project=terms.project)
    key.requests_per_minute, key.tokens_per_minute = terms.requests_per_minute, terms.tokens_per_minute
    token = put_token(key)
    with transaction.atomic():
        key.save()
        if terms.budget is not None:
            Budget.objects.create(key=key, amount=terms.budget, unit=Unit.USD, period=terms.period)
    return key, token


def issue_admin(name: str, role: Role, expires: datetime | None = None) -> tuple[AdminKey, str]:
    """A new admin key, saved, and its token, which is nowhere else."""
    key = AdminKey(name=name, role=role, expires_at=expires)
    token = put_token(key)
    key.save()
    return key, token


def put_token(key: VirtualKey | AdminKey) -> str:
    """Give `key` a new token of its kind: the row gets what is kept of it, the caller the token."""
    admin = isinstance(key, AdminKey)
    token = tokens.new_token(secrets.token_bytes(32), tokens.ADMIN_PREFIX if admin else tokens.PREFIX)
    key.prefix, key.last_four = token[: tokens.SHOWN], token[-4:]
    key.digest = access.digest_of(token, ADMIN_DIGEST if admin else access.DIGEST)
    return token


def rotate(key: VirtualKey, grace: timedelta, now: datetime) -> str:
    """Give `key` a new secret; the one before works for `grace` more, and one before that no longer. The token, which
    is nowhere else. Raises NotRotated for a key that has been revoked, and for the built-in one, which has no secret.

    Of two rotations at once both count: the row is locked and read anew."""
    with transaction.atomic():
        row = VirtualKey.objects.select_for_update(of=("self",)).get(id=key.id)
        if row.revoked_at is not None or row.id == ANONYMOUS:
            raise NotRotated(f"{row.name} has been revoked" if row.revoked_at else f"{row.name} has no secret")
        key.previous_digest, key.previous_last_four = (row.digest, row.last_four) if grace else ("", "")
        key.previous_until = now + grace if grace else None
        key.rotated_at = now
        token = put_token(key)
        key.save(update_fields=ROTATED)
    return token


def revoke(key: VirtualKey | AdminKey, now: datetime) -> None:
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
