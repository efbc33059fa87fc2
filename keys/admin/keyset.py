"""Pages by key: the next page begins where this one ended, so page 1,000 costs what page 1 does; nothing is counted.

https://use-the-index-luke.com/no-offset
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

AFTER = "after"
SEPARATOR = "_"


class Page:
    """What the pagination tag asks a paginator for; ours has a template of its own."""

    template_name = "keys/keyset_pages.html"

    def __init__(self, first_url: str, next_url: str) -> None:
        self.first_url = first_url  # empty on the first page
        self.next_url = next_url  # empty on the last one


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """A change list in descending order of `model_admin.keyset`, field names of which the last one is unique."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str] | None = None) -> QuerySet[Model]:
        for params in (self.params, self.filter_params):
            params.pop(AFTER, None)  # a place in the list is no filter, and a changed filter begins at the top
        rows: QuerySet[Model] = super().get_queryset(request, exclude_parameters)
        return rows.order_by(*(f"-{name}" for name in self.model_admin.keyset))

    def get_results(self, request: HttpRequest) -> None:
        place = read_place(request.GET.get(AFTER, ""), self.model, self.model_admin.keyset)
        rows = self.queryset.filter(below(place)) if place else self.queryset
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        self.result_count = self.full_result_count = len(self.result_list)  # equal: the header then shows no count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = Page(self.get_query_string() if place else "", self._next_url(found))

    def _next_url(self, found: list[Model]) -> str:
        if len(found) <= self.list_per_page:
            return ""
        last = found[self.list_per_page - 1]
        url: str = self.get_query_string({AFTER: written_place(last, self.model_admin.keyset)})
        return url


def written_place(row: Model, keyset: tuple[str, ...]) -> str:
    values = (getattr(row, name) for name in keyset)
    return SEPARATOR.join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def read_place(text: str, model: type[Model], keyset: tuple[str, ...]) -> dict[str, Any]:
    """The key that `text` names; empty where it names none: then the list begins at its top."""
    parts = text.split(SEPARATOR)
    if len(parts) != len(keyset):
        return {}
    try:
        return {name: fitted(model, name, part) for name, part in zip(keyset, parts, strict=True)}
    except (ValidationError, ValueError):
        return {}


def fitted(model: type[Model], name: str, text: str) -> str | datetime | UUID:
    value: str | datetime | UUID | None = model._meta.get_field(name).to_python(text)  # type: ignore[union-attr]
    if not value or (isinstance(value, datetime) and value.tzinfo is None) or "\x00" in str(value):
        raise ValueError(text)
    return value


def below(place: dict[str, Any]) -> Q:
    """Rows after `place` in descending order. The outer bound of the first field lets an index range answer it."""
    names = list(place)
    first, last = names[0], names[-1]
    if first == last:
        return Q(**{f"{first}__lt": place[first]})
    return Q(**{f"{first}__lte": place[first]}) & (
        Q(**{f"{first}__lt": place[first]}) | Q(**{f"{last}__lt": place[last]})
    )
