"""`manage.py purge`: what the Celery task does, by hand; or the completions that somebody chooses, expired or not."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cache_admin import acts
from cache_admin.management.options import add_filters, choice_of
from cache_admin.purging import purging
from cache_admin.removing import amount, going
from keys.administration import audit


class Command(BaseCommand):
    help = (
        "Remove completions past their life and their grace, the least used of too many, and what is past its days in "
        "the usage and audit logs. With filters: the completions that fit all of them, and nothing else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_filters(parser)
        parser.add_argument("--everything", "--all", action="store_true", help="all completions that fit, or all")
        parser.add_argument("--pinned-too", action="store_true", help="also what is pinned, and recorded cassettes")
        parser.add_argument("--dry-run", action="store_true", help="say how many would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        choice, now = choice_of(options, timezone.now(), pinned_too=options["pinned_too"]), time.time()
        chosen = bool(options["everything"] or choice.said().keys() - {"pinned_too"})
        if choice.pinned_too and not chosen:
            raise CommandError("--pinned-too needs a filter, or --everything")
        found = amount(choice.rows()) if chosen else going(now)
        if options["dry_run"]:
            self.stdout.write(f"would remove {found.rows:,} completions of {found.size:,} bytes")
        elif chosen:
            self._work(acts.purging(choice, now, audit.of_command(), float("inf")), found.rows)
        else:
            self._work(purging(now, float("inf")), found.rows)

    def _work(self, steps: Iterable[Counter[str]], most: int) -> None:
        """On a terminal, with one line that is written over."""
        counts: Counter[str] = Counter()
        for step in steps:
            counts += step
            if sys.stderr.isatty():
                self.stderr.write(f"\r{removed(counts)} of {most:,}", ending="")
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write("another purge is at it" if counts["busy"] else told(counts))


def removed(counts: Counter[str]) -> str:
    return f"removed {counts['completions'] + counts['evicted']:,}"


def told(counts: Counter[str]) -> str:
    evicted = f" ({counts['evicted']:,} of them least used)" if counts["evicted"] else ""
    audited = f", and of the audit log {counts['audit']:,}" if counts["audit"] else ""
    return f"{removed(counts)} completions{evicted} and {counts['usage']:,} usage records{audited}"
