"""`manage.py remove_second_factor USER`: the way back for the only superuser, whose phone is lost."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from keys.administration import audit
from proxy_site.models import SecondFactor


class Command(BaseCommand):
    help = "Remove a user's second factor: the login then asks for name and password alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        row = SecondFactor.objects.filter(user__username=options["user"]).first()
        if row is None:
            raise CommandError("No user of this name has a second factor.")
        audit.note(audit.of_command(), "second_factor.deleted", row)
        row.delete()
        self.stdout.write(f"The second factor of {options['user']} is removed.")
