"""Could this be deployed? Migrations complete, and not one warning of Django's deployment checks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def manage(folder: str, *words: str) -> int:
    """Run a management command under the environment of a production host; its exit status."""
    production = {
        "PATH": os.environ["PATH"],
        "DRAGOMAN_DATA_DIR": folder,
        "DRAGOMAN_ALLOWED_HOSTS": "dragoman.example",
        "DRAGOMAN_HTTPS": "1",
    }
    return subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=production, check=False).returncode


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return manage(folder, "makemigrations", "--check", "--dry-run") or manage(
            folder, "check", "--deploy", "--fail-level", "WARNING"
        )


if __name__ == "__main__":
    sys.exit(main())
