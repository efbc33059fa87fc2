"""`manage.py sync_prices`: what the daily task does, by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from proxy_api.price_list import sync


class Command(BaseCommand):
    help = "Bring prices and models to the list that the package genai-prices holds; own rows stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = sync(timezone.now())
        told = (f"{number} {what}" for what, number in counts.items() if number)
        self.stdout.write(", ".join(told) or "nothing changed")
