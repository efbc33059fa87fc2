"""An entry of the audit log, and what entries are chosen by."""

from __future__ import annotations

from rest_framework import serializers

from keys.models import AuditEntry
from proxy_api.control.paging import Paged


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = (
            *("id", "at", "actor_kind", "actor", "action", "target_type", "target_id", "target_name"),
            *("changes", "address"),
        )


class AuditFilters(Paged):
    actor = serializers.CharField(required=False, max_length=200)
    action = serializers.CharField(required=False, max_length=64, help_text="key.rotated, for instance")
    target_type = serializers.CharField(required=False, max_length=64, help_text="keys.virtualkey, for instance")
    target_id = serializers.CharField(required=False, max_length=64)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
