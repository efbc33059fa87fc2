"""The form of a project, and that of the installation's limits."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from keys.forms.fields import LIMIT_HELP, LIMIT_LABELS, LIMITS
from keys.models import InstallationLimits, Project


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    class Meta:
        model = Project
        fields = ("name", "organization", "enabled", "note", *LIMITS, "log_bodies", "cache_mode", "cassette")
        labels = {**LIMIT_LABELS, "log_bodies": "Usage log keeps", "cache_mode": "Answers are cached"}
        help_texts = LIMIT_HELP
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


class InstallationLimitsForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    class Meta:
        model = InstallationLimits
        fields = LIMITS
        labels, help_texts = LIMIT_LABELS, LIMIT_HELP
