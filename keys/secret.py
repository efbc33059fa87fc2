"""A secret in memory, which no log line, traceback or template can show by accident."""

from __future__ import annotations

from typing import NoReturn


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
