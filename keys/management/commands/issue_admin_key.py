"""`manage.py issue_admin_key --name NAME --role ROLE [--expires DATE]`: a key for /v1/admin/, alone on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from keys.administration import audit, issuing
from keys.management.commands.issue_key import given_name, moment
from keys.models import Role


class Command(BaseCommand):
    help = "Issue an admin key, for automation at /v1/admin/. Its secret is printed once, alone, on stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="whose key this is, as the audit log shall call it")
        parser.add_argument("--role", required=True, choices=Role.values, help="what it may do")
        parser.add_argument("--expires", help="2027-01-31 (the end of that day) or 2027-01-31T12:00, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        name, role, expires = given_name(options["name"]), Role(options["role"]), moment(options["expires"])
        with transaction.atomic():
            key, token = issuing.issue_admin(name, role, expires)
            audit.note(audit.of_command(), "admin_key.issued", key, {"role": role, "expires_at": expires})
        self.stderr.write(f"Admin key {key.name} ({key.id}, {key.get_role_display()}) issued. Keep its secret now.")
        self.stdout.write(token)
