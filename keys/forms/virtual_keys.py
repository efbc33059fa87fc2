"""The form of an issued key, and the question before it gets a new secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget

from keys.administration import faults
from keys.forms.fields import LIMIT_HELP, LIMIT_LABELS, LIMITS, PatternsField, expiry
from keys.models import Scope, VirtualKey

GRACES = {"0": "Not at all: for a secret that got out", "1": "1 hour", "24": "24 hours", "168": "7 days"}


class VirtualKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    """What an operator says of a key: its secret is made, not entered."""

    tags = PatternsField("tag", help_text="Words to find it by, one a line.")
    models = PatternsField(help_text="One model or pattern a line, e.g. openai/* or gpt-5. Empty: every model.")
    providers = PatternsField(
        "provider", faults.provider_faults, help_text="One provider a line, e.g. openai. Empty: every provider."
    )
    endpoints = PatternsField(
        "endpoint",
        faults.endpoint_faults,
        help_text="One endpoint or pattern a line, e.g. chat/completions or audio/*. Empty: every one.",
    )
    networks = PatternsField(
        "network",
        faults.network_faults,
        help_text="Where its calls may come from: one address or network a line, e.g. 10.0.0.0/8. Empty: anywhere.",
    )

    class Meta:
        model = VirtualKey
        fields = (
            *("name", "project", "owner", "tags", "expires_at", "enabled", "note"),
            *(*LIMITS, "fail_open"),
            *("models", "providers", "endpoints", "networks", "strict"),
            *("log_bodies", "cache_mode", "cache_scope", "seal_to_caller"),
        )
        labels = {
            **LIMIT_LABELS,
            "expires_at": "Expires",
            "log_bodies": "Usage log keeps",
            "cache_mode": "Answers are cached",
            "cache_scope": "Cached answers are shared with",
            "fail_open": "Answer while limits cannot be counted",
            "strict": "Refuse what cannot be carried over",
        }
        help_texts = {
            **LIMIT_HELP,
            "log_bodies": "Of the calls with this key; where it says nothing, its project does.",
            "cache_mode": "Unless a call says so itself (x-bt-use-cache).",
            "cache_scope": "",
            "fail_open": "Redis is away: its calls go on uncounted. Off: they are refused (503).",
        }
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_expires_at(self) -> Any:
        return expiry(self)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("cache_scope") == Scope.PROJECT and cleaned.get("project") is None:
            self.add_error("cache_scope", "This key has no project to share with.")
        return cleaned


class RotateForm(forms.Form):
    """How long the old secret works beside the new one. seen: which secret the page was shown for."""

    grace = forms.ChoiceField(
        label="The old secret works for",
        choices=list(GRACES.items()),
        initial="24",
        widget=UnfoldAdminRadioSelectWidget(),
    )
    seen = forms.CharField(widget=forms.HiddenInput(), required=False)

    def length(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["grace"]))
