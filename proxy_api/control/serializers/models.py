"""What is said of models: aliases and prices."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cache_admin.models import Price, Source
from keys.administration import faults
from proxy_api import alias_faults
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import held
from proxy_api.models import Alias


class AliasSerializer(serializers.ModelSerializer[Alias]):
    targets = serializers.ListField(
        child=serializers.CharField(max_length=faults.LONGEST),
        max_length=100,
        validators=[held(alias_faults.target_faults)],
        help_text="provider/model each, tried in this order.",
    )

    class Meta:
        model = Alias
        read_only_fields = ("id",)
        fields = ("id", "name", "targets", "enabled")

    def validate_name(self, value: str) -> str:
        held(alias_faults.name_faults)(value)
        return value


def amount(help_text: str, **more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=14, decimal_places=6, min_value=0, normalize_output=True, help_text=help_text, **more
    )


class PriceSerializer(serializers.ModelSerializer[Price]):
    """USD per million tokens. A price that is written is the operator's own: no list overwrites it."""

    input = amount("USD per million input tokens")
    output = amount("USD per million output tokens")
    cached = amount("Read from the provider's cache; null: as input", required=False, allow_null=True)
    cache_write = amount("Written to the provider's cache; null: as input", required=False, allow_null=True)

    class Meta:
        model = Price
        read_only_fields = ("id", "source")
        fields = ("id", "provider", "model", "input", "cached", "cache_write", "output", "source")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "source": Source.OWN}


class PriceFilters(Paged):
    provider = serializers.CharField(required=False, max_length=64)
    model = serializers.CharField(required=False, max_length=256, help_text="Exactly as the row has it.")
    own = serializers.BooleanField(required=False, help_text="Entered here, or of the list.")
