"""What keys and projects say alike: what is kept of their calls, what is cached, how much they may. Abstract."""

from __future__ import annotations

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models as db
from django.db import transaction


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


class Scope(db.TextChoices):
    KEY = "key", "this key alone"
    PROJECT = "project", "all keys of its project"
    EVERYONE = "everyone", "every key that shares with everyone"


class Cassette(db.TextChoices):
    RECORD = "record", "record: every answer is kept, and never expires"
    REPLAY = "replay", "replay: kept answers alone, no provider is called"
    __empty__ = "off"


class Told(db.Model):
    """A row that processes keep a copy of: it is saved in one transaction with the revision that tells them."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)


class Limited(db.Model):
    """Limits of use, each counted over all processes. Empty: no limit."""

    requests_per_minute = db.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    tokens_per_minute = db.PositiveBigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    concurrent_requests = db.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Calls under way at the same time."
    )

    class Meta:
        abstract = True
