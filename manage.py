#!/usr/bin/env python
"""Dragoman's commands: `python manage.py help`, by any Python: what it lacks is in the folder that `make` made."""

import importlib.util
import os
import sys
from pathlib import Path

ENVIRONMENT = Path(__file__).resolve().parent / ".venv"


def elsewhere() -> str:
    """The Python to go on with, where this one has no Django and is not make's own already; empty: this one."""
    python = ENVIRONMENT / "bin" / "python"
    missing = importlib.util.find_spec("django") is None
    return str(python) if missing and python.exists() and Path(sys.prefix) != ENVIRONMENT else ""


if __name__ == "__main__":
    if other := elsewhere():
        os.execv(other, [other, *sys.argv])  # noqa: S606 - no shell is wanted
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
