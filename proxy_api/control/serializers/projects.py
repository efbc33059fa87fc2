"""A project."""

from __future__ import annotations

from rest_framework import serializers

from keys.models import CacheMode, Cassette, LogBodies, Project
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import policy


class ProjectSerializer(serializers.ModelSerializer[Project]):
    log_bodies = policy(LogBodies, "What the usage log keeps of its calls; empty: as the installation is set.")
    cache_mode = policy(CacheMode, "Whether its answers are cached; empty: as usual.")
    cassette = policy(Cassette, "Every answer is kept for good, or kept answers alone are given; empty: neither.")

    class Meta:
        model = Project
        read_only_fields = ("id", "created_at")
        fields = (
            *("id", "name", "organization", "enabled", "note"),
            *("requests_per_minute", "tokens_per_minute", "concurrent_requests"),
            *("log_bodies", "cache_mode", "cassette"),
            "created_at",
        )


class ProjectFilters(Paged):
    name = serializers.CharField(required=False, max_length=200, help_text="Of exactly this name.")
