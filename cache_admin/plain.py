"""Values that every store takes: PostgreSQL refuses U+0000 in text and jsonb, lone surrogates, and huge integers.

https://www.postgresql.org/docs/current/datatype-json.html and .../datatype-character.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_BIGGEST = 2**63 - 1
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def plain_text(text: str, longest: int | None = None) -> str:
    """`text` with U+0000 and lone surrogates shown as U+FFFD, cut to `longest` characters."""
    cut = text if longest is None else text[:longest]
    return _UNFIT.sub("\ufffd", cut)


def plain_integer(value: int) -> int:
    """`value` held within 64 bits: a provider's absurd count must not cost the row."""
    return max(-_BIGGEST, min(_BIGGEST, value))


def plain(value: Any) -> Any:
    """A JSON value, or a dataclass as its mapping, made plain throughout."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case str():
            return plain_text(value)
        case int() if not isinstance(value, bool):
            return plain_integer(value)
        case Mapping():
            return {plain_text(str(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return value
