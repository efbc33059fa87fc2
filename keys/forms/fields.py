"""Form fields: lists of patterns and mappings as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from keys import options

MOST_PATTERNS = 500


class PatternsField(forms.CharField):
    """Models or patterns, one a line (commas do as well), as a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **kwargs)

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: object) -> Any:
        patterns = [part for line in str(value or "").splitlines() for part in split(line)]
        if len(patterns) > MOST_PATTERNS:
            raise ValidationError(f"At most {MOST_PATTERNS} patterns.")
        if any(len(pattern) > 200 or set(pattern) & set(" \t\0") for pattern in patterns):
            raise ValidationError("A pattern has no blanks and at most 200 characters.")
        return patterns

    def has_changed(self, initial: object, data: object) -> bool:
        before = list(initial) if isinstance(initial, Iterable) and not isinstance(initial, str) else []
        return bool(before != self.to_python(data))


class MappingField(forms.CharField):
    """`name=value` lines as a mapping."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: object) -> object:
        return options.written(value) if isinstance(value, dict) else value

    def to_python(self, value: object) -> Any:
        try:
            return options.read_lines(str(value or ""))
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: object, data: object) -> bool:
        return bool((initial or {}) != self.to_python(data))


def split(line: str) -> list[str]:
    return [part.strip() for part in line.split(",") if part.strip()]
