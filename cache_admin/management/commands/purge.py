"""`manage.py purge`: what the Celery task does, by hand, and for a choice of completions."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.purging import Choice, purging


class Command(BaseCommand):
    help = "Remove expired completions (or the chosen ones) and usage records past their days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default="", help="only completions of this model")
        parser.add_argument("--key", default="", help="only completions of this virtual key (its id or name)")
        parser.add_argument("--all", action="store_true", help="not only expired ones")

    def handle(self, *args: Any, **options: Any) -> None:
        choice = Choice(model=options["model"], key=options["key"], everything=options["all"])
        counts: Counter[str] = Counter()
        for step in purging(time.time(), float("inf"), choice=choice):
            counts += step
            self._show(counts)
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(_said(counts))

    def _show(self, counts: Counter[str]) -> None:
        """One line that is written over, on a terminal alone."""
        if sys.stderr.isatty():
            self.stderr.write(f"\r{_said(counts)}", ending="")


def _said(counts: Counter[str]) -> str:
    if counts["busy"]:
        return "another purge is at it"
    return f"removed {counts['completions']} completions and {counts['usage']} usage records"
