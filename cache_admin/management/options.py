"""How commands are told which completions they are about."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from cache_admin.choosing import Choice
from keys.durations import duration

FILTERS = {
    "model": "completions of this model",
    "provider": "completions of this provider",
    "endpoint": "completions of this endpoint: chat/completions, embeddings",
    "key": "completions of this virtual key (its id or name)",
    "project": "completions of this project (its id or name)",
}


def add_filters(parser: ArgumentParser) -> None:
    for name, text in FILTERS.items():
        parser.add_argument(f"--{name}", default="", help=text)
    parser.add_argument("--recorded", action="store_true", help="what cassettes hold, alone")
    parser.add_argument("--older-than", metavar="AGE", default="", help="completions stored before: 30m, 24h, 7d")


def choice_of(options: dict[str, Any], now: datetime, *, pinned_too: bool) -> Choice:
    """CommandError where an age is none."""
    try:
        age = duration(options["older_than"]) if options["older_than"] else None
    except ValueError as error:
        raise CommandError(f"--older-than {error}") from None
    before = None if age is None else now - age
    state = "cassette" if options["recorded"] else ""
    return Choice(**{name: options[name] for name in FILTERS}, state=state, before=before, pinned_too=pinned_too)
