"""The form of an issued key."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from keys.forms.fields import PatternsField
from keys.models import VirtualKey


class VirtualKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    """What an operator says of a key: its secret is made, not entered."""

    models = PatternsField(help_text="One model or pattern a line, e.g. openai/* or gpt-5. Empty: every model.")

    class Meta:
        model = VirtualKey
        fields = ("name", "models", "expires_at", "log_bodies", "cache_mode", "note")
        labels = {"expires_at": "Expires", "log_bodies": "Usage log keeps", "cache_mode": "Answers are cached"}
        help_texts = {
            "log_bodies": "Of the calls with this key.",
            "cache_mode": "Unless a call says so itself (x-bt-use-cache).",
        }
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_expires_at(self) -> Any:
        expires = self.cleaned_data["expires_at"]
        if expires is not None and "expires_at" in self.changed_data and expires <= timezone.now():
            raise ValidationError("This moment is past. To end a key now, revoke it.")
        return expires
