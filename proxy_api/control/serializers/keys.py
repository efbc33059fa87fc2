"""A virtual key, without its secret; and what rotating one, or looking for one, asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keys.administration import faults
from keys.models import CacheMode, LogBodies, Scope, VirtualKey
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import MomentField, ProjectField, check_expiry, given, policy, texts

STATES = ("active", "off", "expired", "revoked")
LONGEST_GRACE = 90 * 86_400


class KeySerializer(serializers.ModelSerializer[VirtualKey]):
    project = ProjectField()
    expires_at = MomentField(required=False, allow_null=True)
    tags = texts("Words to find it by.", "tag")
    models = texts("Models or patterns: openai/*, gpt-5. None: every model.")
    providers = texts("Providers or patterns. None: every provider.", "provider", faults.provider_faults)
    endpoints = texts("Endpoints or patterns: chat/completions. None: every one.", "endpoint", faults.endpoint_faults)
    networks = texts("Where calls may come from: 10.0.0.0/8. None: anywhere.", "network", faults.network_faults)
    log_bodies = policy(LogBodies, "What the usage log keeps of its calls; empty: as its project says.")
    cache_mode = policy(CacheMode, "Whether its answers are cached; empty: as its project says.")
    state = serializers.SerializerMethodField()

    class Meta:
        model = VirtualKey
        read_only_fields = (
            *("id", "state", "prefix", "last_four", "previous_last_four", "previous_until", "rotated_at"),
            *("created_at", "revoked_at", "last_used_at"),
        )
        fields: tuple[str, ...] = (
            *("id", "name", "project", "owner", "tags", "note", "state", "enabled", "expires_at"),
            *("models", "providers", "endpoints", "networks", "strict"),
            *("requests_per_minute", "tokens_per_minute", "concurrent_requests", "fail_open"),
            *("log_bodies", "cache_mode", "cache_scope", "seal_to_caller"),
            *read_only_fields[2:],
        )

    @extend_schema_field({"type": "string", "enum": list(STATES)})
    def get_state(self, row: VirtualKey) -> str:
        return row.state(timezone.now())

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        return check_expiry(value, self.instance.expires_at if self.instance else None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        shared = given(self, attrs, "cache_scope") == Scope.PROJECT
        if shared and {"cache_scope", "project"} & set(attrs) and given(self, attrs, "project") is None:
            raise serializers.ValidationError({"cache_scope": "This key has no project to share with."})
        return attrs


class IssuedSerializer(KeySerializer):
    """As it is answered once: with its token."""

    token = serializers.CharField(read_only=True, help_text="Shown once, in this answer alone.")

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "token")


class RotationSerializer(serializers.Serializer[Any]):
    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_GRACE,
        default=86_400,
        help_text="How long the old secret works beside the new one; 0: not at all.",
    )


class NothingSerializer(serializers.Serializer[Any]):
    """Of an act that takes no parameters."""


class KeyFilters(Paged):
    project = serializers.CharField(required=False, max_length=200, help_text="Of this project: its id or name.")
    state = serializers.ChoiceField(choices=STATES, required=False)
    name = serializers.CharField(required=False, max_length=200, help_text="Whose name holds this.")
    owner = serializers.CharField(required=False, max_length=200, help_text="Of exactly this owner.")
