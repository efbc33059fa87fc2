"""`manage.py apply FILE [--dry-run]`: make the installation what a YAML file says. See docs/dragoman.yaml."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from keys.administration import audit
from proxy_api.config_file import applying, reading, telling
from proxy_api.config_file.kinds import SECTIONS
from proxy_api.config_file.reading import FileFault

WOULD_CHANGE = 2


class Command(BaseCommand):
    help = (
        "Make projects, keys, credentials, limits, budgets, issuers, aliases and prices what FILE says: all of it or "
        "nothing. The token of a new key is written to stdout once, as `name: token`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="YAML; secrets are named there as ${VARIABLE}")
        parser.add_argument(
            "--dry-run", action="store_true", help="print the changes and make none; exit with 2 where there are some"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = applying.Run(audit.of_command(), timezone.now())
        try:
            sections = reading.read(text_of(options["file"]), settings.DRAGOMAN_PROVIDER_ENV, tuple(SECTIONS))
            with transaction.atomic():
                applying.apply(sections, run)
                if options["dry_run"]:
                    transaction.set_rollback(True)
        except FileFault as fault:
            raise CommandError(str(fault)) from None
        except IntegrityError:
            raise CommandError("Somebody has made the same change meanwhile: apply the file again.") from None
        self.tell(run, dry=options["dry_run"])

    def tell(self, run: applying.Run, *, dry: bool) -> None:
        out = self.stdout if dry else self.stderr
        for line in telling.lines(run.changes):
            out.write(line)
        out.write(telling.summary(run.changes) + (" Nothing was done: --dry-run." if dry else ""))
        if not dry:
            for name, token in run.tokens:
                self.stdout.write(f"{name}: {token}")
        elif run.changes:
            sys.exit(WOULD_CHANGE)


def text_of(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
