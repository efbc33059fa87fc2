"""Who may call us and with which secrets we call others. No row holds a secret in the clear.

Invariant: of an issued key only an HMAC, its first nine characters and its last four are kept: nobody can use those.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models as db
from django.db import transaction
from django.utils import timezone

from keys import sealing, tokens
from keys.ids import new_id
from keys.secret import Secret

ANONYMOUS = "anonymous"
SHOWN_FROM = 16  # of a provider's secret shorter than this, no character is shown


class LogBodies(db.TextChoices):
    NONE = "none", "nothing"
    METADATA = "metadata", "metadata only"
    FULL = "full", "prompts and completions"
    __empty__ = "as configured (DRAGOMAN_LOG_BODIES)"


class CacheMode(db.TextChoices):
    AUTO = "auto", "where temperature is 0 or seed is set"
    ALWAYS = "always", "always"
    NEVER = "never", "never"
    __empty__ = "as usual"


class VirtualKey(db.Model):
    """A key that we issued. It is revoked, never deleted: usage records name it."""

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, help_text="Whose key this is, as the usage log shall call it.")
    prefix = db.CharField(max_length=tokens.SHOWN, editable=False)
    last_four = db.CharField(max_length=4, editable=False)
    digest = db.CharField(max_length=64, unique=True, editable=False)
    models = db.JSONField(
        default=list, blank=True, help_text="One model or pattern a line, e.g. openai/* or gpt-5. None: every model."
    )
    created_at = db.DateTimeField(default=timezone.now, editable=False)
    expires_at = db.DateTimeField(null=True, blank=True, help_text="UTC. Empty: it does not expire.")
    revoked_at = db.DateTimeField(null=True, blank=True, editable=False)
    log_bodies = db.CharField(
        max_length=8, blank=True, default="", choices=LogBodies, help_text="What the usage log keeps of its calls."
    )
    cache_mode = db.CharField(
        max_length=8, blank=True, default="", choices=CacheMode, help_text="Where the caller does not say."
    )
    note = db.TextField(blank=True, default="")

    # The token, between its making and the one response that shows it. Not a field: it is not kept.
    shown: Secret | None = None

    class Meta:
        ordering = ("-id",)
        verbose_name = "virtual key"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """In one transaction with the revision that tells every process."""
        with transaction.atomic():
            super().save(*args, **kwargs)

    def state(self, now: datetime) -> str:
        """`revoked`, `expired` or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class ProviderCredential(db.Model):
    """A secret that we present to a provider, sealed, and bound to this row, its provider and its address.

    So neither a copy of the sealed bytes in another row nor a changed address can be used (threats T2, T4).
    """

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, help_text="x-bt-endpoint-name picks it, x-bt-used-endpoint tells it.")
    provider = db.CharField(max_length=64)
    sealed = db.BinaryField(null=True, editable=False)
    last_four = db.CharField(max_length=4, blank=True, default="", editable=False)
    fingerprint = db.CharField(max_length=12, blank=True, default="", editable=False)
    base_url = db.CharField(
        max_length=500,
        blank=True,
        default="",
        verbose_name="base URL",
        help_text="With the version, e.g. https://api.openai.com/v1. Empty: the provider's public address.",
    )
    options = db.JSONField(default=dict, blank=True, help_text="What its address needs beside the key.")
    models = db.JSONField(
        default=list, blank=True, help_text="One model or pattern a line. None: every model of the provider."
    )
    enabled = db.BooleanField(default=True)
    created_at = db.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("provider", "name", "id")
        verbose_name = "provider credential"

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """In one transaction with the revision that tells every process."""
        with transaction.atomic():
            super().save(*args, **kwargs)

    def place(self) -> bytes:
        """Options are a part of the address: `{region}` stands in it."""
        chosen = (f"{name}={value}" for name, value in sorted(self.options.items()))
        return sealing.place("keys_providercredential", self.id, "secret", self.provider, self.base_url, *chosen)

    def put_secret(self, text: str, fingerprint: str) -> None:
        """Seal `text` for the provider and the address that the row has now."""
        self.sealed = sealing.ring().seal(text.encode(), self.place())
        self.last_four = text[-4:] if len(text) >= SHOWN_FROM else ""
        self.fingerprint = fingerprint

    def secret(self) -> Secret | None:
        """The secret; None where there is none. SealBroken where it does not open."""
        if self.sealed is None:
            return None
        return Secret(sealing.ring().unseal(bytes(self.sealed), self.place()).decode())


class InstallationSecret(db.Model):
    """A random secret of the installation, sealed: rotating the master keys re-seals it and changes nothing else."""

    name = db.CharField(primary_key=True, max_length=64)
    sealed = db.BinaryField()

    def __str__(self) -> str:
        return self.name

    def place(self) -> bytes:
        return sealing.place("keys_installationsecret", self.name, "secret")


class Revision(db.Model):
    """One row: raised with every change that processes keep a copy of."""

    number = db.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)


def globs(value: Iterable[object]) -> tuple[str, ...]:
    """The patterns of a models list as stored."""
    return tuple(str(glob) for glob in value)
