"""The form of a key for /v1/admin/."""

from __future__ import annotations

from typing import Any

from django import forms

from keys.forms.fields import expiry
from keys.models import AdminKey


class AdminKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    class Meta:
        model = AdminKey
        fields = ("name", "role", "expires_at")
        labels = {"expires_at": "Expires"}
        help_texts = {"role": "What it may do at /v1/admin/: as staff of this role may do here."}

    def clean_expires_at(self) -> Any:
        return expiry(self)
