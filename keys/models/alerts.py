"""Alerts of budgets, and their ways to those who asked for them. Written by keys/alerts alone."""

from __future__ import annotations

from django.db import models as db
from django.utils import timezone

from keys.models.limits import Budget


class BudgetAlert(db.Model):
    """A budget reached a threshold: at most one a budget, period and threshold.

    period_start: of the calendar's period, or its reset by hand within that; threshold: percent; used, amount: in the
    budget's unit, as they were then.
    """

    budget = db.ForeignKey(Budget, on_delete=db.CASCADE, related_name="alerts")
    period_start = db.DateTimeField()
    threshold = db.PositiveIntegerField()
    at = db.DateTimeField(default=timezone.now)
    used = db.DecimalField(max_digits=28, decimal_places=9, default=0)
    amount = db.DecimalField(max_digits=18, decimal_places=6, default=0)

    class Meta:
        constraints = [
            db.UniqueConstraint(fields=["budget", "period_start", "threshold"], name="one_alert_a_threshold")
        ]

    def __str__(self) -> str:
        return f"{self.threshold} % of {self.budget}"


class Channel(db.TextChoices):
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook"


class AlertDelivery(db.Model):
    """An alert's way through one channel, tried until it is there, or has been tried often enough.

    due_at: when it is to be tried next; None once it is there, or given up. fault: why the last try failed.
    """

    alert = db.ForeignKey(BudgetAlert, on_delete=db.CASCADE, related_name="deliveries")
    channel = db.CharField(max_length=8, choices=Channel)
    attempts = db.PositiveSmallIntegerField(default=0)
    due_at = db.DateTimeField(null=True)
    sent_at = db.DateTimeField(null=True)
    fault = db.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [db.UniqueConstraint(fields=["alert", "channel"], name="one_delivery_a_channel")]
        indexes = [db.Index(fields=["due_at"], name="delivery_due", condition=db.Q(due_at__isnull=False))]
        ordering = ("-id",)
        verbose_name = "alert"

    def __str__(self) -> str:
        return f"{self.alert} by {self.get_channel_display()}"

    def state(self) -> str:
        """`sent`, `given up`, `failing` or `waiting`."""
        if self.due_at is None:
            return "sent" if self.sent_at is not None else "given up"
        return "failing" if self.fault else "waiting"
