"""The fields that several resources have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import Q, TextChoices
from django.utils import timezone
from django.utils.dateparse import parse_date
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keys.administration import faults
from keys.models import Project, VirtualKey

Faults = Callable[[Any], list[str]]


def held(judge: Faults) -> Callable[[Any], None]:
    """A validator out of what says in words what is wrong."""

    def validate(value: Any) -> None:
        if wrong := judge(value):
            raise serializers.ValidationError(wrong)

    return validate


def texts(help_text: str, noun: str = "pattern", judge: Faults | None = None) -> Any:
    """A list of patterns or words."""

    def judged(value: Sequence[str]) -> list[str]:
        return faults.list_faults(value, noun) or (judge(value) if judge else [])

    child = serializers.CharField(max_length=faults.LONGEST)
    return serializers.ListField(child=child, required=False, help_text=help_text, validators=[held(judged)])


def mapping(help_text: str) -> Any:
    """Texts by name."""
    child = serializers.CharField(max_length=1024)
    validators = [held(faults.mapping_faults)]
    return serializers.DictField(child=child, required=False, help_text=help_text, validators=validators)


def policy(choices: type[TextChoices], help_text: str) -> Any:
    """One of `choices`; empty: somebody else says."""
    named = [value for value in choices.values if value]
    return serializers.ChoiceField(choices=named, required=False, allow_blank=True, help_text=help_text)


@extend_schema_field({"type": "string", "format": "date-time", "description": "UTC; of a mere date, its end"})
class MomentField(serializers.DateTimeField):
    """A moment; of a mere date its end, as `issue_key --expires` has it."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            day = parse_date(value) if isinstance(value, str) else None
        except ValueError:
            day = None
        return super().to_internal_value(datetime.combine(day, time.max, UTC) if day else value)


def check_expiry(value: datetime | None, before: datetime | None) -> datetime | None:
    """before: what the row has; that may stay, although it may have passed since."""
    if value is not None and value != before and value <= timezone.now():
        raise serializers.ValidationError("This moment is past. To end a key now, revoke it.")
    return value


class ByName(serializers.Field[Any, Any, Any, Any]):
    """A row that another one is tied to: written by id or name, shown by id. rows: a query for it."""

    def __init__(self, noun: str, rows: Callable[[str], Sequence[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._noun, self._rows = noun, rows

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not data or "\x00" in data:
            raise serializers.ValidationError(f"The id or the name of a {self._noun}.")
        found = list(self._rows(data)[:2])
        if not found:
            raise serializers.ValidationError(f"There is no {self._noun} {data[:200]}.")
        if len(found) > 1:
            raise serializers.ValidationError(f"Several are called {data[:200]}: give the id of one.")
        return found[0]

    def to_representation(self, value: Any) -> str:
        return str(value.pk)


@extend_schema_field({"type": ["string", "null"], "description": "id or name of a project; shown by id"})
class ProjectField(ByName):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__("project", projects, **{"required": False, "allow_null": True, **kwargs})


@extend_schema_field({"type": ["string", "null"], "description": "id or name of a key; shown by id"})
class KeyField(ByName):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__("key", virtual_keys, required=False, allow_null=True, **kwargs)


def projects(text: str) -> Any:
    return Project.objects.filter(Q(id=text) | Q(name=text))


def virtual_keys(text: str) -> Any:
    """By id, else those of this name that are not revoked."""
    return VirtualKey.objects.filter(Q(id=text) | Q(name=text, revoked_at=None))


def given(serializer: serializers.ModelSerializer[Any], values: Mapping[str, Any], name: str) -> Any:
    """What a field will be: as entered, else as the row has it, else as a new row has it."""
    if name in values:
        return values[name]
    model: Any = serializer.Meta.model
    row = serializer.instance if serializer.instance is not None else model()
    return getattr(row, name)
