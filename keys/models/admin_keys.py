"""Admin keys: what automation presents at /v1/admin/."""

from __future__ import annotations

from datetime import datetime

from django.db import models as db
from django.utils import timezone

from keys.entrance import tokens
from keys.ids import new_id
from keys.models.policies import Told
from keys.secrecy.secret import Secret


class Role(db.TextChoices):
    """What staff and admin keys may do; each is a group of the admin site as well."""

    ADMIN = "admin", "administrator"
    KEY_MANAGER = "key_manager", "key manager"
    LOG_READER = "log_reader", "log reader"
    BODY_READER = "body_reader", "log reader with bodies"


class AdminKey(Told):
    """It opens /v1/admin/ and nothing else: no model can be called with it. Revoked, never deleted."""

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, help_text="Whose key this is, as the audit log shall call it.")
    role = db.CharField(max_length=16, choices=Role, default=Role.KEY_MANAGER)
    prefix = db.CharField(max_length=tokens.SHOWN, editable=False)
    last_four = db.CharField(max_length=4, editable=False)
    digest = db.CharField(max_length=64, unique=True, editable=False)
    created_at = db.DateTimeField(default=timezone.now, editable=False)
    expires_at = db.DateTimeField(null=True, blank=True, help_text="UTC. Empty: it does not expire.")
    revoked_at = db.DateTimeField(null=True, blank=True, editable=False)

    # The token, between its making and the one response that shows it. Not a field: it is not kept.
    shown: Secret | None = None

    class Meta:
        ordering = ("-id",)
        verbose_name = "admin key"

    def __str__(self) -> str:
        return self.name

    def state(self, now: datetime) -> str:
        """`revoked`, `expired` or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"
