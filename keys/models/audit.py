"""The audit log: who did what to the installation, from which address. Written once, never changed."""

from __future__ import annotations

from django.db import models as db

from keys.ids import new_id


class AuditEntry(db.Model):
    """One act, written by keys/administration/audit.py. The id is a UUIDv7: in its order the acts happened.

    actor: a user's name, an admin key's, or the command; action: `key.issued`, `key.rotated`, `body.viewed`,
    `login.failed`, ...; target: type, id and name of what it was done to; changes: field -> what it became, or what it
    was and what it became, of a secret no more than that; address: where the request came from, empty for a command.
    """

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    at = db.DateTimeField()
    actor_kind = db.CharField(max_length=16)
    actor = db.CharField(max_length=200)
    action = db.CharField(max_length=64)
    target_type = db.CharField(max_length=64, blank=True, default="")
    target_id = db.CharField(max_length=64, blank=True, default="")
    target_name = db.CharField(max_length=200, blank=True, default="")
    changes = db.JSONField(default=dict, blank=True)
    address = db.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        indexes = [
            db.Index(fields=["target_type", "target_id", "id"], name="audit_target"),
            db.Index(fields=["action", "id"], name="audit_action"),
            db.Index(fields=["actor", "id"], name="audit_actor"),
        ]
        verbose_name_plural = "audit log"

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"
