"""`manage.py send_alerts`: what the Celery task does, by hand."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from keys.alerts import send_alerts


class Command(BaseCommand):
    help = "Tell who asked for it which budgets have reached a threshold; what failed before is tried again once due."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = +send_alerts(time.time(), budget_seconds=float("inf"))
        self.stdout.write(", ".join(f"{name}: {number}" for name, number in sorted(counts.items())) or "nothing to do")
