"""`manage.py rotate_key KEY [--grace 24h]`: a new secret for a virtual key, alone on stdout."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from keys import audit, issuing
from keys.models import VirtualKey

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=90)


class Command(BaseCommand):
    help = "Give a virtual key a new secret. The one before works for the grace more, so that nobody is cut off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="name or id of the key")
        parser.add_argument("--grace", default="24h", help="how long the old secret works: 30m, 24h, 7d; 0: not at all")

    def handle(self, *args: Any, **options: Any) -> None:
        key, grace = found_key(options["key"]), duration(options["grace"])
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


def duration(text: str) -> timedelta:
    """`0`, or a whole number with s, m, h or d. CommandError for any other."""
    match = re.fullmatch(r"([0-9]{1,8})([smhd])|0", text.strip())
    if match is None:
        raise CommandError("--grace must be such as 30m, 24h, 7d or 0")
    length = timedelta(**{UNITS[match[2]]: int(match[1])}) if match[2] else timedelta(0)
    if length > LONGEST:
        raise CommandError(f"--grace must be at most {LONGEST.days}d")
    return length
