"""Budgets, and the limits of the whole installation."""

from __future__ import annotations

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models as db
from django.utils import timezone

from keys.ids import new_id
from keys.models.policies import Limited, Told
from keys.models.projects import Project
from keys.models.virtual_keys import VirtualKey


def default_thresholds() -> list[int]:
    return [80, 100]


class Unit(db.TextChoices):
    USD = "usd", "USD"
    TOKENS = "tokens", "tokens"
    REQUESTS = "requests", "requests"


class Period(db.TextChoices):
    """By the calendar, in UTC; a week begins on Monday (ISO 8601)."""

    HOUR = "hour", "an hour"
    DAY = "day", "a day"
    WEEK = "week", "a week"
    MONTH = "month", "a month"


class InstallationLimits(Told, Limited):
    """One row (pk 1): what all keys together may use."""

    class Meta:
        verbose_name = verbose_name_plural = "limits of the installation"

    def __str__(self) -> str:
        return "the whole installation"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)


class Budget(Told):
    """How much a key, a project, or (with neither) the installation may use in a period."""

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    key = db.ForeignKey(VirtualKey, null=True, blank=True, on_delete=db.CASCADE, related_name="budgets")
    project = db.ForeignKey(Project, null=True, blank=True, on_delete=db.CASCADE, related_name="budgets")
    amount = db.DecimalField(max_digits=18, decimal_places=6, validators=[MinValueValidator(0)])
    unit = db.CharField(max_length=8, choices=Unit, default=Unit.USD)
    period = db.CharField(max_length=5, choices=Period, default=Period.MONTH)
    reset_at = db.DateTimeField(null=True, blank=True, editable=False)
    thresholds = db.JSONField(
        default=default_thresholds, blank=True, help_text="Percentages at which the alert goes out, once a period."
    )
    alert_email = db.EmailField(blank=True, default="")
    alert_webhook = db.URLField(max_length=500, blank=True, default="", help_text="Gets the alert as JSON, by POST.")
    created_at = db.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            db.CheckConstraint(condition=db.Q(key=None) | db.Q(project=None), name="budget_of_one"),
            db.UniqueConstraint(fields=["key", "unit", "period"], name="one_budget_a_key"),
            db.UniqueConstraint(fields=["project", "unit", "period"], name="one_budget_a_project"),
            db.UniqueConstraint(
                fields=["unit", "period"], condition=db.Q(key=None, project=None), name="one_budget_an_installation"
            ),
        ]
        ordering = ("id",)

    def __str__(self) -> str:
        amount = f"{self.amount.normalize():f} {self.get_unit_display()}"
        return f"{amount} {self.get_period_display().replace('an ', 'a ').replace('a ', 'per ')}"
