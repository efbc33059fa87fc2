"""`manage.py export_cache FILE`: cached completions as JSON lines, for another installation or a test's cassette."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cache_admin.cassettes import exported
from cache_admin.management.options import add_filters, choice_of
from keys.administration import audit

LEFT_OUT = {
    "sealed_to_caller": "sealed to their callers",
    "without_request": "without their request, which was too large",
    "broken": "that do not open",
}


class Command(BaseCommand):
    help = "Write cached completions, prompts and answers in the clear, to FILE: a line of JSON each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="readable for its owner alone; - for stdout")
        add_filters(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = choice_of(options, timezone.now(), pinned_too=True).rows()
        counts: Counter[str] = Counter()
        lines = exported(rows, counts, audit.of_command())
        try:
            self._write(options["file"], lines)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}") from None
        left_out = "".join(f"; left out {counts[name]:,} {why}" for name, why in LEFT_OUT.items() if counts[name])
        self.stderr.write(f"exported {counts['exported']:,} completions{left_out}")

    def _write(self, name: str, lines: Iterable[bytes]) -> None:
        if name == "-":
            sys.stdout.buffer.writelines(lines)
            return
        with open(name, "wb", opener=private) as file:
            written(file, lines)


def private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def written(file: BinaryIO, lines: Iterable[bytes]) -> None:
    """How far it is, on a terminal."""
    for number, line in enumerate(lines, 1):
        file.write(line)
        if number % 100 == 0 and sys.stderr.isatty():
            sys.stderr.write(f"\rexported {number:,}")
