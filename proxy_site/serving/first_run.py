"""The database brought up to date, and on the first run an admin and a key; by one process at a time."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from keys.administration import issuing
from keys.models import VirtualKey

# Any number will do, as long as nothing else in the database uses it: "dragoman" in ASCII, cut to 63 bits.
ADVISORY_LOCK = int.from_bytes(b"dragoman") >> 1
FIRST_KEY, ANONYMOUS = "first", "anonymous"


class Made(NamedTuple):
    """What this run has made, for being shown once: None where it was there before, or was given by the operator."""

    admin_user: str | None = None
    admin_password: str | None = None
    token: str | None = None


def prepare() -> Made:
    """Migrate, then see to the first admin and the first key."""
    with migrating(settings.DRAGOMAN_DATA_DIR):
        call_command("migrate", interactive=False, verbosity=0)
        user, password = first_admin()
        made = Made(user, password, first_key())
    connection.close()
    return made


@contextmanager
def migrating(folder: Path) -> Iterator[None]:
    """Hold the installation's one right to migrate: in PostgreSQL for all of its hosts, else in the data folder."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A migration may take longer than any statement of the request path is allowed to.
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        return
    with (folder / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def first_admin() -> tuple[str | None, str | None]:
    """(user, password to show): a password from the environment is made into the admin, and not shown."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None, None
    password = settings.DRAGOMAN_ADMIN_PASSWORD or secrets.token_urlsafe(12)
    users.create_superuser(settings.DRAGOMAN_ADMIN_USER, "", password)
    return settings.DRAGOMAN_ADMIN_USER, None if settings.DRAGOMAN_ADMIN_PASSWORD else password


def first_key() -> str | None:
    """The first key's secret, where nobody has issued a key yet."""
    if VirtualKey.objects.exclude(name=ANONYMOUS).exists():
        return None
    _, token = issuing.issue(FIRST_KEY)
    return token
