"""The second factors of users: begun, confirmed by a first code, and asked for from then on."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

from django.contrib.auth.models import User

from keys.secrecy.sealing import SealBroken
from proxy_site.login import totp
from proxy_site.models import SecondFactor

logger = logging.getLogger("dragoman.login")


def begin(user: User) -> bytes | None:
    """A new secret for the user's app, in place of one that was never confirmed; None where one has been."""
    row = SecondFactor.objects.filter(user=user).first() or SecondFactor(user=user)
    if row.confirmed_at is not None:
        return None
    secret = os.urandom(totp.SECRET_BYTES)
    row.put_secret(secret)
    row.save()
    return secret


def confirm(user: User, code: str, now: float) -> bool:
    """Whether the app has shown that it has the secret: from now on (Unix s) its codes are asked for."""
    row = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
    if row is None or not takes(row, code, now):
        return False
    row.confirmed_at = datetime.fromtimestamp(now, UTC)
    row.save(update_fields=["confirmed_at"])
    return True


def passes(user: User, code: str, now: float) -> bool:
    """Whether the user may come in with `code`, as anybody who has no second factor may."""
    row = SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()
    return row is None or takes(row, code, now)


def takes(row: SecondFactor, code: str, now: float) -> bool:
    """Whether it is a code of this moment, and the first to be taken of its 30 s or later ones."""
    try:
        step = totp.matching_step(row.secret(), code, now)
    except SealBroken:
        logger.error("the second factor of a user does not open: remove it, or put the old master key back")
        return False
    unused = SecondFactor.objects.filter(pk=row.pk, last_step__lt=step or 0)
    return step is not None and unused.update(last_step=step) == 1
