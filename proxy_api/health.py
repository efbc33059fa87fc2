"""/healthz and /readyz: one word each; no version, no host, no reason that an outsider could use."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse

from keys.reading import DatabaseAway
from keys.secrecy.pepper import pepper

TEXT = "text/plain; charset=utf-8"


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type=TEXT)


def readyz(request: HttpRequest) -> HttpResponse:
    """A request would be answered: keys can be checked, the spool takes records, no shutdown is under way.

    Redis is not asked: without it answers come uncached, but they come.
    """
    ready = keys_readable() and spool_writable()
    return HttpResponse("ok\n" if ready else "not ready\n", status=200 if ready else 503, content_type=TEXT)


def keys_readable() -> bool:
    """The secret that keys are checked with is in hand; after the first time this asks nobody."""
    try:
        return bool(pepper("virtual keys"))
    except (DatabaseError, DatabaseAway):
        return False
    finally:
        connection.close()


def spool_writable() -> bool:
    """The spool makes its folder, and those above, when the first record is written: the nearest one counts."""
    folder: Path = settings.DRAGOMAN_SPOOL_DIR
    found = next(one for one in (folder, *folder.parents) if one.exists())
    return found.is_dir() and os.access(found, os.W_OK)
