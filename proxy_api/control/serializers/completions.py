"""A cached completion without its bodies, what completions are chosen by, and what became of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from cache_admin.choosing import STATES
from cache_admin.models import Removal, StoredCompletion
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import ProjectField

WRITABLE = ("note", "pinned")


class CompletionSerializer(serializers.ModelSerializer[StoredCompletion]):
    id = serializers.CharField(source="digest", read_only=True, help_text="Its digest, as the usage log has it.")
    cost_usd = serializers.DecimalField(
        max_digits=20,
        decimal_places=10,
        normalize_output=True,
        read_only=True,
        allow_null=True,
        help_text="What its call took, and each hit saves; so with the tokens.",
    )
    pinned = serializers.BooleanField(required=False, help_text="No purge takes it.")

    class Meta:
        model = StoredCompletion
        fields = (
            *("id", "created_at", "expires_at", "kept_until", "used_at", "endpoint", "model_asked", "provider"),
            *("model", "endpoint_name", "key_id", "key_name", "project_id", "project_name", "scope", "request_id"),
            *("cassette", "sealed_to_caller", "hits", "last_hit_at", "input_tokens", "output_tokens", "cost_usd"),
            *("size", *WRITABLE),
        )
        read_only_fields = tuple(name for name in fields if name not in WRITABLE)


class Chosen(serializers.Serializer[Any]):
    """Which completions."""

    model = serializers.CharField(required=False, max_length=256, help_text="As it was served.")
    provider = serializers.CharField(required=False, max_length=64)
    endpoint = serializers.CharField(required=False, max_length=64, help_text="chat/completions, embeddings, ...")
    key = serializers.CharField(required=False, max_length=200, help_text="id or name of a key")
    project = serializers.CharField(required=False, max_length=200, help_text="id or name of a project")
    state = serializers.ChoiceField(
        choices=list(STATES), required=False, help_text="`cassette`: recorded by projects, for good."
    )
    since = serializers.DateTimeField(required=False, help_text="Stored then or later.")
    until = serializers.DateTimeField(required=False, help_text="Stored before.")


class CompletionFilters(Chosen, Paged):
    pass


class PurgeSerializer(Chosen):
    """What stays is what is pinned, and cassettes, unless `state` names these or `pinned_too` is said."""

    everything = serializers.BooleanField(default=False, help_text="Needed where nothing is chosen.")
    pinned_too = serializers.BooleanField(default=False, help_text="Also what is pinned, and cassettes.")
    dry_run = serializers.BooleanField(default=False, help_text="Tell how many there are, and leave them.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["everything"] and not set(attrs) - {"everything", "pinned_too", "dry_run"}:
            message = "Choose completions, or say that everything is meant."
            raise ValidationError({"everything": ErrorDetail(message, "required")})
        return attrs


class PurgedSerializer(serializers.Serializer[Any]):
    found = serializers.IntegerField(help_text="Completions that were chosen.")
    bytes = serializers.IntegerField()
    purged = serializers.IntegerField()
    unfinished = serializers.BooleanField(help_text="There were too many for the time of one request: ask again.")
    dry_run = serializers.BooleanField()


class ImportFilters(serializers.Serializer[Any]):
    project = ProjectField(required=True, allow_null=False)
    dry_run = serializers.BooleanField(default=False, help_text="Tell what would be done, and do nothing.")


class ImportedSerializer(serializers.Serializer[Any]):
    imported = serializers.IntegerField(help_text="Entries that are new, or have another answer.")
    unchanged = serializers.IntegerField(help_text="Entries that were there.")
    dry_run = serializers.BooleanField()


class RemovalSerializer(serializers.ModelSerializer[Removal]):
    bytes = serializers.IntegerField(source="size")

    class Meta:
        model = Removal
        fields = ("id", "day", "reason", "completions", "bytes")
