"""What the operator says of models: names with an order of targets, and what is known of each provider's models."""

from __future__ import annotations

from typing import Any

from django.db import models as db
from django.db import transaction

from cache_admin.models import Source


class Alias(db.Model):
    """A model name of our own, or a provider's, and what it stands for: the targets are tried in their order."""

    name = db.CharField(max_length=200, unique=True, help_text="As callers ask for it: smart, or openai/gpt-4o.")
    targets = db.JSONField(default=list, help_text="One provider/model a line, tried in this order.")
    enabled = db.BooleanField(default=True)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """In one transaction with the revision that tells every process."""
        with transaction.atomic():
            super().save(*args, **kwargs)


class CatalogModel(db.Model):
    """A model that a provider serves, as a list of prices or the operator says."""

    provider = db.CharField(max_length=64)
    model = db.CharField(max_length=256)
    context = db.PositiveIntegerField(null=True, blank=True, help_text="Tokens of prompt and answer together.")
    max_output = db.PositiveIntegerField(null=True, blank=True, help_text="Tokens of an answer.")
    modalities = db.JSONField(default=list, blank=True, help_text="What it reads: text, image, audio.")
    source = db.CharField(max_length=8, choices=Source, default=Source.OWN, editable=False)

    class Meta:
        ordering = ("provider", "model")
        verbose_name = "model"
        constraints = [db.UniqueConstraint(fields=["provider", "model"], name="one_row_a_model")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """In one transaction with the revision that tells every process."""
        with transaction.atomic():
            super().save(*args, **kwargs)
