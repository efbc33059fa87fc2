"""What the pages of several models share: Unfold's decorators with a type, lists of patterns, pages between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from unfold import decorators

Decorated = TypeVar("Decorated")
Row = TypeVar("Row", bound=Model)
# Unfold is published without types: what its decorators are is said here once.
display: Callable[..., Callable[[Decorated], Decorated]] = decorators.display
action: Callable[..., Callable[[Decorated], Decorated]] = decorators.action


def shortened(models: list[str], most: int = 3) -> str:
    """The first few of a list of patterns."""
    more = f" and {len(models) - most} more" if len(models) > most else ""
    return ", ".join(map(str, models[:most])) + more


def moment(at: datetime | None) -> str | None:
    """UTC (settings.TIME_ZONE), to the minute."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M}"


def page(admin: Any, request: HttpRequest, template: str, context: Mapping[str, object]) -> TemplateResponse:
    """A page of a model's admin beside its list and its forms. context: `title` at least."""
    return TemplateResponse(
        request, template, {**admin.admin_site.each_context(request), "opts": admin.opts, **context}
    )


def row_of(admin: Any, request: HttpRequest, object_id: str, model: type[Row]) -> Row:
    """The row that an address names. Raises Http404."""
    row = admin.get_object(request, object_id)
    if not isinstance(row, model):
        raise Http404
    return row
