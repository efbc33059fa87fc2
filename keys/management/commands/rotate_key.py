"""`manage.py rotate_key KEY [--grace 24h]`: a new secret for a virtual key, alone on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from keys.administration import audit, issuing
from keys.durations import duration
from keys.models import VirtualKey

LONGEST = timedelta(days=90)


class Command(BaseCommand):
    help = "Give a virtual key a new secret. The one before works for the grace more, so that nobody is cut off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="name or id of the key")
        parser.add_argument("--grace", default="24h", help="how long the old secret works: 30m, 24h, 7d; 0: not at all")

    def handle(self, *args: Any, **options: Any) -> None:
        key, grace = found_key(options["key"]), grace_of(options["grace"])
        try:
            with transaction.atomic():
                token = issuing.rotate(key, grace, timezone.now())
                audit.note(audit.of_command(), "key.rotated", key, {"grace": grace})
        except issuing.NotRotated as error:
            raise CommandError(f"{error}: it cannot be rotated") from None
        until = f"works until {key.previous_until:%Y-%m-%d %H:%M} UTC" if key.previous_until else "has ended"
        self.stderr.write(f"Key {key.name} ({key.id}) rotated: the old secret {until}. Keep the new one now.")
        self.stdout.write(token)


def found_key(text: str) -> VirtualKey:
    """The key of this id or name. CommandError where there is none, or more than one that is not revoked."""
    rows = VirtualKey.objects.filter(Q(id=text) | Q(name=text))
    found = list(rows.filter(revoked_at=None)[:2]) or list(rows[:1])
    if not found:
        raise CommandError(f"no key is called {text}")
    if len(found) > 1:
        raise CommandError(f"several keys are called {text}: give the id of one")
    return found[0]


def grace_of(text: str) -> timedelta:
    """CommandError where it is no duration, or too long."""
    try:
        length = duration(text)
    except ValueError as error:
        raise CommandError(f"--grace {error}") from None
    if length > LONGEST:
        raise CommandError(f"--grace must be at most {LONGEST.days}d")
    return length
