"""The form of a budget, a row in the page of whoever it is for; and which ones to begin anew."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminURLInputWidget

from keys.administration import faults
from keys.forms.fields import PercentagesField
from keys.models import Budget


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    amount = forms.DecimalField(
        min_value=0, max_digits=18, decimal_places=6, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )
    alert_webhook = forms.URLField(
        label="Alert by webhook",
        max_length=500,
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
    )
    thresholds = PercentagesField(label="Alerts at %", initial=[80, 100])

    class Meta:
        model = Budget
        fields = ("amount", "unit", "period", "thresholds", "alert_email", "alert_webhook")
        labels = {"alert_email": "Alert by e-mail"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("amount") is not None:
            self.initial["amount"] = f"{self.initial['amount'].normalize():f}"  # 25, not 25.000000

    def clean_alert_webhook(self) -> str:
        address = str(self.cleaned_data["alert_webhook"])
        if address and (wrong := faults.address_faults(address)):
            raise ValidationError(wrong)
        return address

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        amount, unit = cleaned.get("amount"), cleaned.get("unit")
        if amount is not None and unit and (wrong := faults.amount_faults(amount, unit)):
            self.add_error("amount", wrong)
        return cleaned
