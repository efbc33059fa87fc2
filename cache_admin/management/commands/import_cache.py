"""`manage.py import_cache FILE --project P`: the lines of FILE become the cassette of a project."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from cache_admin.cassettes import CassetteFault, imported
from keys.administration import audit
from keys.models import Project


class Command(BaseCommand):
    help = (
        "Put the completions of FILE, as export_cache writes them, into the cassette of a project, which replays them "
        "once it is put on `replay`. All lines or, where one is wrong, none. Importing again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--project", required=True, help="its id or name")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(Q(id=options["project"]) | Q(name=options["project"])).first()
        if project is None:
            raise CommandError(f"no project is called {options['project']}")
        try:
            with open(options["file"], "rb") as file:
                done = imported(file, project, audit.of_command(), time.time())
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}") from None
        except CassetteFault as fault:
            raise CommandError(f"{options['file']}, {fault}") from None
        self.stdout.write(f"imported {done.imported:,} completions; {done.unchanged:,} were there")
