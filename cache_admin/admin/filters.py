"""Filters of the logs by the columns that they have an index for. See keys/admin/filters.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from keys.admin.filters import ColumnFilter, PresetFilter
from keys.models import VirtualKey

MOST_KEYS = 100


def keys_named(text: str) -> list[str]:
    """The ids of keys whose name holds `text`, at most MOST_KEYS: by these, other tables find their rows by index."""
    found = VirtualKey.objects.filter(name__icontains=text.replace("\x00", "")) if text else VirtualKey.objects.none()
    return list(found.values_list("pk", flat=True)[:MOST_KEYS])


class StatusFilter(ColumnFilter):
    title = parameter_name = column = "status"
    coded = True


class ProviderFilter(ColumnFilter):
    title = parameter_name = column = "provider"


class CacheFilter(ColumnFilter):
    title = parameter_name = column = "cache"
    coded = True


class ModelFilter(ColumnFilter):
    title = parameter_name = column = "model"


class KeyFilter(ColumnFilter):
    title, parameter_name = "key", "key"
    column, shown = "key_id", "key_name"


class ProjectFilter(ColumnFilter):
    title, parameter_name = "project", "project"
    column, shown = "project_id", "project_name"


class StoredFilter(PresetFilter):
    title = "time stored"

    def newer(self, queryset: QuerySet[Any], seconds: int) -> QuerySet[Any]:
        return queryset.filter(created_at__gte=timezone.now() - timedelta(seconds=seconds))
