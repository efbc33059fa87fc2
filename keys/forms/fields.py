"""Form fields: lists, numbers and mappings as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from keys.administration import faults
from keys.outward import options

LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
LIMIT_LABELS = {"concurrent_requests": "Calls at the same time"}
LIMIT_HELP = dict.fromkeys(LIMITS, "Empty: no limit.")
Faults = Callable[[Sequence[str]], list[str]]


class PatternsField(forms.CharField):
    """Models, patterns or other words, one a line (commas do as well), as a list. noun: what one is called; judge:
    what is wrong with them."""

    def __init__(self, noun: str = "pattern", judge: Faults | None = None, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **kwargs)
        self._noun, self._judge = noun, judge

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: object) -> Any:
        patterns = split(str(value or ""))
        if found := faults.list_faults(patterns, self._noun) or (self._judge(patterns) if self._judge else []):
            raise ValidationError(found)
        return patterns

    def has_changed(self, initial: object, data: object) -> bool:
        before = list(initial) if isinstance(initial, Iterable) and not isinstance(initial, str) else []
        return bool(before != split(str(data or "")))


class PercentagesField(forms.CharField):
    """Whole percentages in one line, as a list in their order."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextInputWidget(), **kwargs)

    def prepare_value(self, value: object) -> object:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: object) -> Any:
        if isinstance(value, list):
            return value
        try:
            found = sorted({int(one.removesuffix("%")) for one in split(str(value or ""))})
        except ValueError:
            raise ValidationError("Percentages, such as 80, 100.") from None
        if wrong := faults.threshold_faults(found):
            raise ValidationError(wrong)
        return found

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True


class MappingField(forms.CharField):
    """`name=value` lines as a mapping."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: object) -> object:
        return options.written(value) if isinstance(value, dict) else value

    def to_python(self, value: object) -> Any:
        try:
            written = options.read_lines(str(value or ""))
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if found := faults.mapping_faults(written):
            raise ValidationError(found)
        return written

    def has_changed(self, initial: object, data: object) -> bool:
        return bool((initial or {}) != self.to_python(data))


def expiry(form: forms.ModelForm[Any]) -> Any:
    """What is entered as `expires_at`, where it is to come, or as it was."""
    expires = form.cleaned_data["expires_at"]
    if expires is not None and "expires_at" in form.changed_data and expires <= timezone.now():
        raise ValidationError("This moment is past. To end a key now, revoke it.")
    return expires


def split(text: str) -> list[str]:
    """The words of a text, one a line or between commas."""
    return [part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()]
