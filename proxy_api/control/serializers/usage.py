"""A usage record, the sums of many, and what both are chosen by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from cache_admin.models import UsageRecord
from proxy_api.control.paging import Paged

USUAL_DAYS, MOST_DAYS = 30, 100
GROUPS = ("key", "project", "model", "day")


class UsageSerializer(serializers.ModelSerializer[UsageRecord]):
    cost_usd = serializers.DecimalField(max_digits=20, decimal_places=10, normalize_output=True, allow_null=True)

    class Meta:
        model = UsageRecord
        exclude = ("instance",)


class BodiesSerializer(serializers.Serializer[Any]):
    """What was asked and answered, as JSON in a text; null where it was not kept."""

    request = serializers.CharField(allow_null=True)
    answer = serializers.CharField(allow_null=True)


class Chosen(serializers.Serializer[Any]):
    """Which calls."""

    key = serializers.CharField(required=False, max_length=200, help_text="id or name of a key")
    project = serializers.CharField(required=False, max_length=200, help_text="id or name of a project")
    model = serializers.CharField(required=False, max_length=256, help_text="as it was asked for, or as it was served")
    provider = serializers.CharField(required=False, max_length=64)
    status = serializers.CharField(required=False, max_length=24, help_text="ok, error, rate_limited, ...")
    cache = serializers.CharField(required=False, max_length=16, help_text="hit, miss, stored, ...")
    since = serializers.DateTimeField(required=False, help_text="Begun then or later.")
    until = serializers.DateTimeField(required=False, help_text="Begun before.")


class UsageFilters(Chosen, Paged):
    pass


class SummaryFilters(Chosen):
    by = serializers.ChoiceField(choices=GROUPS, default="day", help_text="What the sums are by; a day is one of UTC.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The last thirty days where nothing is said; so many that the table can be summed while somebody waits."""
        until = attrs.get("until", timezone.now())
        try:
            since = attrs.get("since") or until - timedelta(days=USUAL_DAYS)
        except OverflowError:
            raise ValidationError({"until": "There is no such time."}) from None
        if until - since > timedelta(days=MOST_DAYS):
            raise ValidationError({"since": f"At most {MOST_DAYS} days at once."})
        return {**attrs, "since": since, "until": until}


class SumSerializer(serializers.Serializer[Any]):
    """One line. Hits of the cache are calls; their tokens and their cost are nobody's."""

    id = serializers.CharField(help_text="of the key or project, the model's name, or the day")
    name = serializers.CharField()
    calls = serializers.IntegerField()
    failed = serializers.IntegerField()
    hits = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_usd = serializers.DecimalField(max_digits=20, decimal_places=10, normalize_output=True)
    unpriced = serializers.IntegerField(help_text="Calls whose cost nobody knows.")


class SummarySerializer(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=GROUPS)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    sums = SumSerializer(many=True)
