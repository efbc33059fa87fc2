"""`manage.py issue_key --name NAME [--models A,B] [--expires DATE]`: a new virtual key, its token alone on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from keys import issuing


class Command(BaseCommand):
    help = "Issue a virtual key. Its secret is printed once, alone, on stdout: nobody can read it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="whose key this is")
        parser.add_argument("--models", default="", help="comma-separated models or patterns; none: every model")
        parser.add_argument("--expires", help="2027-01-31 (the end of that day) or 2027-01-31T12:00, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        models = [model.strip() for model in options["models"].split(",") if model.strip()]
        key, token = issuing.issue(given_name(options["name"]), models, moment(options["expires"]))
        self.stderr.write(f"Key {key.name} ({key.id}) issued. Keep its secret now, it is shown only once.")
        self.stdout.write(token)


def given_name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= 200:
        raise CommandError("--name must have 1 to 200 characters")
    return name


def moment(text: str | None) -> datetime | None:
    """The moment in UTC; of a mere date, its end. CommandError if it is none, or past."""
    if not text:
        return None
    try:
        day, found = parse_date(text), parse_datetime(text)
    except ValueError:
        day = found = None
    if day is not None:
        found = datetime.combine(day, time.max, UTC)
    if found is None:
        raise CommandError("--expires must be a date such as 2027-01-31, or 2027-01-31T12:00")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found <= datetime.now(UTC):
        raise CommandError("--expires lies in the past")
    return found
