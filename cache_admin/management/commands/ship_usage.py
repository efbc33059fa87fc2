"""`manage.py ship_usage`: what the Celery task does, by hand."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from cache_admin.shipping import ship


class Command(BaseCommand):
    help = "Carry spooled usage records and completions to the database."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = ship(time.time(), budget_seconds=float("inf"))
        self.stdout.write(", ".join(f"{name}: {number}" for name, number in sorted(counts.items())) or "nothing to do")
