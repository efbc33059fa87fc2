from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from keys import freshness
from keys.entrance import access

ENVIRONMENT = {"OPENAI_API_KEY": "sk-planted-openai-1234", "ANTHROPIC_API_KEY": "sk-planted-anthropic-5678"}


class Applied(NamedTuple):
    """What the command wrote, and its exit status."""

    out: str
    err: str
    status: int


Apply = Callable[..., Applied]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    freshness.stop()
    access.forget()


@pytest.fixture
def apply(db: None, tmp_path: Path, settings: Settings) -> Apply:
    """Applies a text, with the words that follow the file's name."""
    settings.DRAGOMAN_PROVIDER_ENV = dict(ENVIRONMENT)

    def run(text: str, *words: str) -> Applied:
        file = tmp_path / "dragoman.yaml"
        file.write_text(text, encoding="utf-8")
        out, err = StringIO(), StringIO()
        try:
            call_command("apply", str(file), *words, stdout=out, stderr=err)
        except SystemExit as end:
            return Applied(out.getvalue(), err.getvalue(), int(str(end.code)))
        return Applied(out.getvalue(), err.getvalue(), 0)

    return run
