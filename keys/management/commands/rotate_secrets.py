"""`manage.py rotate_secrets`: everything sealed is sealed anew under the newest of DRAGOMAN_MASTER_KEYS.

Put the new key first, restart every process, run this, and only then take the old key off the ring.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from keys.administration import audit
from keys.secrecy import resealing
from keys.secrecy.sealing import SealBroken


class Command(BaseCommand):
    help = "Seal credentials and all else anew under the newest master key. Safe under load, and to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        # Before it begins: what follows is many transactions, so that nobody waits for long.
        audit.note(audit.of_command(), "secrets.resealed", None, {"kinds": resealing.names()})
        for name in resealing.names():
            try:
                count = resealing.reseal(name)
            except SealBroken as error:
                raise CommandError(f"{name}: {error}. Nothing was lost: put the old master key back.") from None
            self.stdout.write(f"{name}: {count} sealed anew")
