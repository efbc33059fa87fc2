"""A spool directory of its own for each test, and entries to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from cache_admin import lookup, spool


@pytest.fixture(autouse=True)
def spool_directory(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """Where this test's spool is; the process's own spool lets go of it at the end."""
    settings.DRAGOMAN_SPOOL_DIR = tmp_path / "spool"
    yield settings.DRAGOMAN_SPOOL_DIR
    spool.own().close()
    lookup._breaker.failures = 0
