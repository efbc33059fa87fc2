"""`manage.py issue_key --name NAME [--project P] [--rpm N] [--budget USD] ...`: a new virtual key, its token alone on
stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime

from keys.administration import audit, faults, issuing
from keys.models import Period, Project, Unit

MOST_A_MINUTE = 2_000_000_000


class Command(BaseCommand):
    help = "Issue a virtual key. Its secret is printed once, alone, on stdout: nobody can read it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="whose key this is")
        parser.add_argument("--project", help="name or id of the project that it belongs to; a new name makes one")
        parser.add_argument("--models", default="", help="comma-separated models or patterns; none: every model")
        parser.add_argument("--rpm", type=int, help="requests a minute")
        parser.add_argument("--tpm", type=int, help="tokens a minute")
        parser.add_argument("--budget", help="USD a period")
        parser.add_argument("--period", choices=Period.values, help="of the budget; month where none is given")
        parser.add_argument("--expires", help="2027-01-31 (the end of that day) or 2027-01-31T12:00, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        models, limits = given_models(options["models"]), given_limits(options)
        name, expires = given_name(options["name"]), moment(options["expires"])
        with transaction.atomic():
            project = self.project(options["project"]) if options["project"] else None
            terms = issuing.Terms(project, **limits)
            key, token = issuing.issue(name, models, expires, terms=terms)
            audit.note(audit.of_command(), "key.issued", key, {"models": models, "project": project, **limits})
        self.stderr.write(f"Key {key.name} ({key.id}) issued. Keep its secret now, it is shown only once.")
        self.stdout.write(token)

    def project(self, text: str) -> Project:
        """By id, else by name; a name that is new makes a project."""
        name = given_name(text, "--project")
        found = Project.objects.filter(Q(id=name) | Q(name=name)).first()
        if found is None:
            found = Project.objects.create(name=name)
            audit.note(audit.of_command(), "project.added", found)
            self.stderr.write(f"Project {found.name} ({found.id}) made.")
        return found


def given_name(text: str, option: str = "--name") -> str:
    name = text.strip()
    if not 0 < len(name) <= 200:
        raise CommandError(f"{option} must have 1 to 200 characters")
    return name


def given_models(text: str) -> list[str]:
    models = [model.strip() for model in text.split(",") if model.strip()]
    if wrong := faults.list_faults(models):
        raise CommandError(f"--models: {wrong[0]}")
    return models


def given_limits(options: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of issuing.Terms beside the project. Raises CommandError."""
    for option in ("rpm", "tpm"):
        if options[option] is not None and not 1 <= options[option] <= MOST_A_MINUTE:
            raise CommandError(f"--{option} must be from 1 to {MOST_A_MINUTE}")
    if options["period"] and options["budget"] is None:
        raise CommandError("--period is the budget's: give --budget too")
    found = {
        "requests_per_minute": options["rpm"],
        "tokens_per_minute": options["tpm"],
        "budget": money(options["budget"]),
        "period": options["period"],
    }
    return {name: value for name, value in found.items() if value is not None}


def money(text: str | None) -> Decimal | None:
    """USD, as precise as the table: six digits behind the point. CommandError if it is no such amount."""
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12 or amount != round(amount, 6):
        raise CommandError("--budget must be an amount in USD, such as 25 or 0.5")
    if wrong := faults.amount_faults(amount, Unit.USD):
        raise CommandError(f"--budget: {wrong[0]}")
    return amount


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
