"""What is kept: stored completions (sealed), usage records, their sealed bodies, and prices.

Invariant: usage and completions are written by shipping.py and purging.py alone, never by a request.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class StoredCompletion(models.Model):
    """A finished answer under its digest: the table behind Redis.

    digest: hex of the keyed digest of request, route and scope; answer_sealed comes before request_sealed because
    SQLite walks a row's bytes in order, and the look-up reads the answer alone. Tokens and cost are of the call that
    stored it: what a hit saves. A purge leaves what is pinned, and cassettes: there kept_until is empty.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    answer_sealed = models.BinaryField()
    scope = models.CharField(max_length=200)
    key_id = models.CharField(max_length=64, blank=True)
    key_name = models.CharField(max_length=200, blank=True)
    project_id = models.CharField(max_length=64, blank=True, default="")
    project_name = models.CharField(max_length=200, blank=True, default="")
    endpoint = models.CharField(max_length=64, blank=True, default="")
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=256)
    model_asked = models.CharField(max_length=256, blank=True)
    endpoint_name = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True, help_text="The usage record of the call that stored it")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    kept_until = models.DateTimeField(null=True, help_text="When a purge may take it: expired, and its grace over")
    used_at = models.DateTimeField(default=timezone.now, help_text="Stored or last hit, whichever was later")
    pinned = models.BooleanField(default=False)
    cassette = models.BooleanField(default=False, help_text="Recorded for good by a project's cassette")
    sealed_to_caller = models.BooleanField(default=False, help_text="Opens with the caller's token alone")
    note = models.CharField(max_length=1000, blank=True, default="")
    hits = models.BigIntegerField(default=0)
    last_hit_at = models.DateTimeField(null=True, blank=True)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    size = models.BigIntegerField(default=0, help_text="Bytes of request and answer as they are kept")
    request_sealed = models.BinaryField()

    class Meta:
        indexes = [
            # With the end, so that a page of what has ended, or has not, passes over the others within the index.
            models.Index(fields=["created_at", "digest", "expires_at"], name="completion_created"),
            models.Index(fields=["model", "created_at"], name="completion_model"),
            models.Index(fields=["key_id", "created_at"], name="completion_key"),
            models.Index(fields=["provider", "created_at"], name="completion_provider"),
            models.Index(fields=["project_id", "created_at"], name="completion_project"),
            models.Index(fields=["created_at"], name="completion_pinned", condition=models.Q(pinned=True)),
            # With the size, so that the sum of all sizes is read from the index, not from a million sealed rows.
            models.Index(fields=["kept_until", "size"], name="completion_kept"),
            models.Index(fields=["used_at"], name="completion_used", condition=models.Q(kept_until__isnull=False)),
        ]
        permissions = [
            ("view_bodies", "Can read stored prompts and completions"),
            ("rerun_completion", "Can ask again what a completion answers, at a price"),
        ]
        verbose_name = "cached completion"

    def __str__(self) -> str:
        return f"Answer of {self.model} ({self.digest[:12]})"


class CompletionWord(models.Model):
    """That a word stands in the request of a completion. word: 63 bits of its HMAC, so that a dump tells no word; the
    primary key is the index that a search reads, newest first."""

    pk = models.CompositePrimaryKey("word", "created_at", "digest")
    word = models.BigIntegerField()
    created_at = models.DateTimeField(help_text="The completion's")
    digest = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return f"A word of {self.digest[:12]}"


class Removal(models.Model):
    """How many completions went on a day (UTC), and how many bytes of them, for one reason."""

    class Reason(models.TextChoices):
        EXPIRED = "expired", "expired"
        EVICTED = "evicted", "least used, of too many"
        CHOSEN = "chosen", "purged by hand"

    day = models.DateField()
    reason = models.CharField(max_length=8, choices=Reason)
    completions = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0, help_text="Bytes")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "reason"], name="one_removal_a_day_and_reason")]

    def __str__(self) -> str:
        return f"{self.completions} {self.reason} on {self.day}"


class UsageRecord(models.Model):
    """One call. The id is a UUIDv7: in its order the calls began, so the primary key is the time index as well."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    status = models.CharField(max_length=24)
    http_status = models.IntegerField(null=True)
    instance = models.CharField(max_length=32, blank=True)
    key_id = models.CharField(max_length=64, blank=True)
    key_name = models.CharField(max_length=200, blank=True)
    project_id = models.CharField(max_length=64, blank=True, default="")
    project_name = models.CharField(max_length=200, blank=True, default="")
    organization = models.CharField(max_length=200, blank=True, default="", help_text="x-bt-org-name or /btorg/")
    temporary = models.CharField(max_length=64, blank=True, default="", help_text="The jti of a temporary credential")
    parent = models.CharField(max_length=512, blank=True, default="", help_text="x-bt-parent")
    endpoint = models.CharField(max_length=64, blank=True)
    model_asked = models.CharField(max_length=256, blank=True)
    provider = models.CharField(max_length=64, blank=True)
    model_served = models.CharField(max_length=256, blank=True)
    credential = models.CharField(max_length=200, blank=True)
    stream = models.BooleanField(default=False)
    cache = models.CharField(max_length=16, blank=True)
    cache_reason = models.CharField(max_length=64, blank=True)
    cache_digest = models.CharField(max_length=64, blank=True)
    input_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    estimated = models.BooleanField(default=False, help_text="The tokens are ours: the provider told none")
    ttft_ms = models.FloatField(null=True)
    total_ms = models.FloatField(null=True)
    overhead_ms = models.FloatField(null=True)
    attempts = models.IntegerField(default=0)
    finish_reason = models.CharField(max_length=64, blank=True)
    native_finish_reason = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=1024, blank=True)
    user = models.CharField(max_length=1024, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    client_request_id = models.CharField(max_length=256, blank=True)
    client_retries = models.IntegerField(null=True)
    upstream_request_id = models.CharField(max_length=256, blank=True)
    dropped = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["key_id", "id"], name="usage_key"),
            models.Index(fields=["project_id", "id"], name="usage_project"),
            models.Index(fields=["status", "id"], name="usage_status"),
            models.Index(fields=["provider", "id"], name="usage_provider"),
            models.Index(fields=["cache", "id"], name="usage_cache"),
            models.Index(fields=["cache_digest", "id"], name="usage_digest"),
        ]
        verbose_name_plural = "usage log"

    def __str__(self) -> str:
        return str(self.id)


class UsageBody(models.Model):
    """The sealed bodies of one call, where they are kept in full; apart, so that they can go before the record."""

    id = models.UUIDField(primary_key=True)
    request_sealed = models.BinaryField()
    answer_sealed = models.BinaryField()

    class Meta:
        verbose_name_plural = "usage bodies"

    def __str__(self) -> str:
        return str(self.id)


class Source(models.TextChoices):
    """Whose word a row is. The operator's own is never overwritten."""

    OWN = "own", "own"
    SYNCED = "synced", "list"


class Price(models.Model):
    """What a provider takes. Of several globs that fit a model, an own row's counts before the list's, and then the
    one with most literal characters."""

    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=256, help_text="A model's name, or a glob: gpt-4o-*")
    input = models.DecimalField(max_digits=14, decimal_places=6, help_text="USD per million input tokens")
    cached = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, help_text="Read from its cache; empty: as input"
    )
    cache_write = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, help_text="Written to its cache; empty: as input"
    )
    output = models.DecimalField(max_digits=14, decimal_places=6, help_text="USD per million output tokens")
    source = models.CharField(max_length=8, choices=Source, default=Source.OWN, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="one_price_a_model")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"
