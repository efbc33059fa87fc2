"""A budget with its use, and the limits of the installation."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from keys.administration import faults
from keys.models import Budget, InstallationLimits
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import KeyField, ProjectField, given, held

OF = ("key", "project", "unit", "period")  # at most one budget of each


class UseSerializer(serializers.Serializer[Any]):
    """In the budget's unit."""

    used = serializers.DecimalField(max_digits=24, decimal_places=9, normalize_output=True)
    held = serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Reserved by calls under way."
    )
    start = serializers.DateTimeField(help_text="Of the present period; later where the budget was reset.")
    end = serializers.DateTimeField()


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    key = KeyField(help_text="Neither key nor project: of the whole installation.")
    project = ProjectField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=6, min_value=0, normalize_output=True)
    thresholds = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Percentages at which the alert goes out, once a period.",
        validators=[held(faults.threshold_faults)],
    )
    alert_webhook = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Gets the alert as JSON, by POST."
    )
    use = UseSerializer(read_only=True, required=False)

    class Meta:
        model = Budget
        validators: list[Any] = []  # below, in words that say which budget there is already
        read_only_fields = ("id", "reset_at", "created_at")
        fields = (
            *("id", "key", "project", "amount", "unit", "period", "thresholds", "alert_email", "alert_webhook"),
            *("reset_at", "created_at", "use"),
        )

    def validate_alert_webhook(self, value: str) -> str:
        if value:
            held(faults.address_faults)(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        whole = {name: given(self, attrs, name) for name in (*OF, "amount")}
        if whole["key"] is not None and whole["project"] is not None:
            raise ValidationError({"project": "A budget is a key's or a project's, not both's."})
        if wrong := faults.amount_faults(whole["amount"], whole["unit"]):
            raise ValidationError({"amount": wrong})
        others = Budget.objects.exclude(pk=self.instance.pk if self.instance else None)
        if others.filter(**{name: whole[name] for name in OF}).exists():
            raise ValidationError({"period": "There is a budget of this unit and period already."})
        return attrs


class BudgetFilters(Paged):
    key = serializers.CharField(required=False, max_length=200, help_text="Of this key: its id or name.")
    project = serializers.CharField(required=False, max_length=200, help_text="Of this project: its id or name.")
    of = serializers.ChoiceField(choices=("installation",), required=False, help_text="Those of nobody in particular.")


class LimitsSerializer(serializers.ModelSerializer[InstallationLimits]):
    class Meta:
        model = InstallationLimits
        fields = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
