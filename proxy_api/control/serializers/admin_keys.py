"""An admin key, without its secret."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from rest_framework import serializers

from keys.models import AdminKey
from proxy_api.control.serializers.fields import MomentField, check_expiry


class AdminKeySerializer(serializers.ModelSerializer[AdminKey]):
    expires_at = MomentField(required=False, allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = AdminKey
        read_only_fields = ("id", "prefix", "last_four", "created_at", "revoked_at")
        fields: tuple[str, ...] = ("id", "name", "role", "state", "expires_at", *read_only_fields[1:])
        extra_kwargs = {"role": {"required": True}}

    def get_state(self, row: AdminKey) -> str:
        return row.state(timezone.now())

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        return check_expiry(value, None)


class IssuedAdminKeySerializer(AdminKeySerializer):
    """As it is answered once: with its token."""

    token = serializers.CharField(read_only=True, help_text="Shown once, in this answer alone.")

    class Meta(AdminKeySerializer.Meta):
        fields = (*AdminKeySerializer.Meta.fields, "token")
