"""`manage.py webhook_secret URL`: what the receiver of alerts at this address checks their signatures with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys.administration.faults import address_faults
from keys.alerts.webhooks import shown_key


class Command(BaseCommand):
    help = "Show the secret that alerts for a webhook are signed with (https://www.standardwebhooks.com/)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="the webhook's address, exactly as the budget has it")

    def handle(self, *args: Any, **options: Any) -> None:
        if faults := address_faults(options["url"]):
            raise CommandError(" ".join(faults))
        self.stdout.write(shown_key(options["url"]))
