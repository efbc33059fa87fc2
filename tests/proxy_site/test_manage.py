"""`python manage.py`, as the README says it, by a Python that has nothing installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def bare(clone: Path) -> subprocess.CompletedProcess[str]:
    """By this Python without the packages of its environment."""
    command = [sys.executable, "-I", "-S", str(clone / "manage.py"), "purge", "--dry-run"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_python_without_django_hands_over_to_the_one_that_make_made(clone: Path) -> None:
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    done = bare(clone)
    assert (done.returncode, done.stdout.split()) == (0, [str(clone / "manage.py"), "purge", "--dry-run"])


def test_where_make_made_none_it_says_what_is_missing(clone: Path) -> None:
    done = bare(clone)
    assert done.returncode == 1
    assert "No module named 'django'" in done.stderr
