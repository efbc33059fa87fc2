"""A secret in memory, which no log line, traceback or template can show by accident."""

from __future__ import annotations

import json
import re
from typing import NoReturn

# What a header may hold without harm: `requests` sends NUL and raw latin-1 as they are (RFC 9110, section 5.5).
SENDABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """Holds one secret text. `reveal()` is the only way to it; repr, str, format and pickle show or give nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would leave the process")


def presentable(text: str) -> bool:
    """A key that a header can hold, or a secret of several parts, which is signed or exchanged with and never sent but
    for its `key`."""
    return bool(SENDABLE.fullmatch(key_of(text))) or parts_of(key_of(text)) is not None


def key_of(text: str) -> str:
    """What is presented to the provider: the `key` of a secret that has further parts for other headers, else all."""
    return (parts_of(text) or {}).get("key", text)


def parts_of(text: str) -> dict[str, str] | None:
    """The parts of a secret that is a JSON object of texts, such as a service account's file; None: it is none."""
    try:
        value = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return None
    texts = isinstance(value, dict) and all(isinstance(part, str) for part in value.values())
    return value if value and texts else None
