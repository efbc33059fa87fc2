"""An outside issuer of tokens."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from keys.administration import faults
from keys.models import TokenIssuer
from proxy_api.control.serializers.fields import ProjectField, given, held, mapping, projects, texts


class IssuerSerializer(serializers.ModelSerializer[TokenIssuer]):
    jwks_url = serializers.CharField(
        max_length=500, validators=[held(faults.address_faults)], help_text="Where its public keys are: https."
    )
    projects = mapping("Value of the claim -> id or name of a project.")
    default_project = ProjectField()
    models = texts("Models or patterns. None: every model.")

    class Meta:
        model = TokenIssuer
        read_only_fields = ("id", "created_at")
        fields = (
            *("id", "name", "issuer", "audience", "jwks_url", "enabled"),
            *("project_claim", "projects", "default_project", "models", "created_at"),
        )

    def validate_projects(self, value: dict[str, str]) -> dict[str, str]:
        for claimed, project in value.items():
            if not projects(project).exists():
                raise ValidationError({claimed: [f"There is no project {project}."]})
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if given(self, attrs, "projects") and not given(self, attrs, "project_claim"):
            raise ValidationError({"project_claim": "Which claim has the values that the projects are named by?"})
        return attrs
