"""Virtual keys: what a client presents, and what it may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models as db
from django.utils import timezone

from keys.entrance import tokens
from keys.ids import new_id
from keys.models.policies import CacheMode, Limited, LogBodies, Scope, Told
from keys.models.projects import Project
from keys.secrecy.secret import Secret

ANONYMOUS = "anonymous"


class VirtualKey(Told, Limited):
    """A key that we issued. It is revoked, never deleted: usage records name it.

    Rotation gives it a new secret; until `previous_until` the one before works as well. A second rotation within that
    time ends the oldest at once.
    """

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, help_text="Whose key this is, as the usage log shall call it.")
    project = db.ForeignKey(Project, null=True, blank=True, on_delete=db.PROTECT, related_name="keys")
    owner = db.CharField(max_length=200, blank=True, default="", help_text="Who answers for it: a person or a team.")
    tags = db.JSONField(default=list, blank=True, help_text="Words to find it by, one a line.")
    prefix = db.CharField(max_length=tokens.SHOWN, editable=False)
    last_four = db.CharField(max_length=4, editable=False)
    digest = db.CharField(max_length=64, unique=True, editable=False)
    previous_digest = db.CharField(max_length=64, blank=True, default="", editable=False)
    previous_last_four = db.CharField(max_length=4, blank=True, default="", editable=False)
    previous_until = db.DateTimeField(null=True, editable=False)
    rotated_at = db.DateTimeField(null=True, editable=False)
    models = db.JSONField(
        default=list, blank=True, help_text="One model or pattern a line, e.g. openai/* or gpt-5. None: every model."
    )
    providers = db.JSONField(default=list, blank=True, help_text="One provider a line. None: every provider.")
    endpoints = db.JSONField(
        default=list, blank=True, help_text="One endpoint or pattern a line, e.g. chat/completions. None: every one."
    )
    networks = db.JSONField(
        default=list, blank=True, help_text="Where calls may come from: one network a line, e.g. 10.0.0.0/8."
    )
    created_at = db.DateTimeField(default=timezone.now, editable=False)
    expires_at = db.DateTimeField(null=True, blank=True, help_text="UTC. Empty: it does not expire.")
    enabled = db.BooleanField(default=True, help_text="Off: it is refused until it is switched on again.")
    revoked_at = db.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = db.DateTimeField(null=True, blank=True, editable=False)
    log_bodies = db.CharField(
        max_length=8, blank=True, default="", choices=LogBodies, help_text="What the usage log keeps of its calls."
    )
    cache_mode = db.CharField(
        max_length=8, blank=True, default="", choices=CacheMode, help_text="Where the caller does not say."
    )
    cache_scope = db.CharField(
        max_length=8, default=Scope.KEY, choices=Scope, help_text="With whom it shares cached completions."
    )
    seal_to_caller = db.BooleanField(
        default=False,
        verbose_name="seal to the caller",
        help_text="Cached completions open only with the request and this key's secret; the admin sees metadata alone.",
    )
    strict = db.BooleanField(
        default=False, help_text="Refuse a call whose parameters its provider cannot all take (x-dragoman-strict)."
    )
    fail_open = db.BooleanField(
        default=False, help_text="While Redis is away, and limits cannot be counted: answer all the same."
    )
    note = db.TextField(blank=True, default="")

    # The token, between its making and the one response that shows it. Not a field: it is not kept.
    shown: Secret | None = None

    class Meta:
        ordering = ("-id",)
        verbose_name = "virtual key"
        constraints = [
            db.UniqueConstraint(
                fields=["previous_digest"], condition=~db.Q(previous_digest=""), name="one_key_a_previous_digest"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Shipping alone writes `last_used_at`: what a page read a moment ago must not turn it back."""
        if not (self._state.adding or kwargs.get("force_insert")) and kwargs.get("update_fields") is None:
            columns = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            kwargs["update_fields"] = columns - {"last_used_at"}
        super().save(*args, **kwargs)

    def state(self, now: datetime) -> str:
        """`revoked`, `expired`, `off` or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.enabled else "off"


def globs(value: Iterable[object]) -> tuple[str, ...]:
    """The patterns of a list as stored."""
    return tuple(str(glob) for glob in value)
