"""Google's JSON: fields in camelCase, and in snake_case from some of its own servers and libraries."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=256)
def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def get(said: dict[str, Any], name: str) -> Any:
    """A field by its camelCase name, however it is spelled; None where it is absent or null."""
    value = said.get(name)
    return value if value is not None else said.get(_snake(name))


def words(value: Any) -> str | None:
    """A string that says something; None for anything else."""
    return value if isinstance(value, str) and value else None


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, with integers of any size; None for anything else."""
    try:
        said = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _no_number(said: str) -> Any:
    raise ValueError(f"{said} is no JSON")
