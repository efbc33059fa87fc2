"""The form of an outside issuer whose JWTs are taken as bearer tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from unfold.widgets import UnfoldAdminTextInputWidget

from keys.administration import faults
from keys.forms.fields import MappingField, PatternsField
from keys.models import Project, TokenIssuer


class TokenIssuerForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    jwks_url = forms.CharField(
        label="JWKS URL",
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Where its public keys are: https, and a public address.",
    )
    projects = MappingField(help_text="Value of the claim=project, one a line; a project by its name or id.")
    models = PatternsField(help_text="One model or pattern a line, e.g. openai/* or gpt-5. Empty: every model.")

    class Meta:
        model = TokenIssuer
        fields = (
            *("name", "issuer", "audience", "jwks_url", "enabled"),
            *("project_claim", "projects", "default_project", "models"),
        )
        labels = {"issuer": "Issuer (iss)", "audience": "Audience (aud)"}
        help_texts = {
            "issuer": "The iss claim of its tokens, exactly.",
            "audience": "The aud claim of those that are for us.",
            "project_claim": "Its value, or one of its values, names the project: groups or team, say.",
            "default_project": "Of callers whose claim names none. Empty: they are refused, where a claim is given.",
            "enabled": "Off: its tokens are refused.",
        }

    def clean_jwks_url(self) -> str:
        address = str(self.cleaned_data["jwks_url"])
        if wrong := faults.address_faults(address):
            raise ValidationError(wrong)
        return address

    def clean_projects(self) -> dict[str, str]:
        projects: dict[str, str] = self.cleaned_data["projects"]
        names = set(projects.values())
        rows = Project.objects.filter(Q(name__in=names) | Q(id__in=names)).values_list("name", "id")
        if missing := sorted(names - {text for row in rows for text in row}):
            raise ValidationError(f"There is no project {', '.join(missing)}.")
        return projects

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("projects") and not cleaned.get("project_claim"):
            self.add_error("project_claim", "Which claim has the values that the projects are named by?")
        return cleaned
