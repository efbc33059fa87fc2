"""Projects: keys that belong together, with limits, budgets, credentials and a cache policy of their own."""

from __future__ import annotations

from django.db import models as db
from django.utils import timezone

from keys.ids import new_id
from keys.models.policies import CacheMode, Cassette, Limited, LogBodies, Told


class Project(Told, Limited):
    """Never deleted while keys or usage records name it: it is switched off."""

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, unique=True, help_text="x-bt-project-id may name it, or its id.")
    organization = db.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="What x-bt-org-name and /btorg/ must say, where they are sent.",
    )
    enabled = db.BooleanField(default=True, help_text="Off: none of its keys is answered.")
    log_bodies = db.CharField(
        max_length=8, blank=True, default="", choices=LogBodies, help_text="Where the key does not say."
    )
    cache_mode = db.CharField(
        max_length=8, blank=True, default="", choices=CacheMode, help_text="Where neither the call nor the key says."
    )
    cassette = db.CharField(
        max_length=6, blank=True, default="", choices=Cassette, help_text="For tests that run free and repeatably."
    )
    note = db.TextField(blank=True, default="")
    created_at = db.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
