"""What the REST framework says is wrong with a value, as one fault: which field, in words, with a code. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rest_framework.exceptions import ErrorDetail

from proxy_api.errors import BadRequest

WHOLE = "non_field_errors"
CODES = {"required": "missing_required_parameter", "unknown": "unknown_parameter"}


class Fault(NamedTuple):
    """param: `budgets[0].amount`, empty for the whole."""

    param: str
    message: str
    code: str = "invalid_value"

    def within(self, place: str) -> Fault:
        """The same, of a value that stands at `place`."""
        return self._replace(param=joined(place, self.param))

    def refusal(self) -> BadRequest:
        return BadRequest(self.message, param=self.param or None, code=self.code)


def first(detail: Any) -> Fault:
    """The first fault of a serializer's errors. detail: ValidationError.detail, nested mappings and lists."""
    match detail:
        case Mapping() if detail:
            name, below = next(iter(detail.items()))
            return first(below).within("" if name == WHOLE else f"[{name}]" if isinstance(name, int) else str(name))
        case list() | tuple() if detail:
            place, below = next((at, one) for at, one in enumerate(detail) if one)
            nested = isinstance(below, Mapping)
            return first(below).within(f"[{place}]") if nested else first(below)
        case ErrorDetail():
            return Fault("", str(detail), CODES.get(str(detail.code), "invalid_value"))
        case _:
            return Fault("", str(detail))


def joined(place: str, param: str) -> str:
    return f"{place}{param}" if not place or not param or param.startswith("[") else f"{place}.{param}"
