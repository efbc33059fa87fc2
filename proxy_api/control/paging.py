"""Lists by key, newest first: a page begins below the last row of the one before it, so ties and new rows move nothing.

OpenAI's form: https://platform.openai.com/docs/api-reference/files/list (limit, after, has_more, first_id, last_id).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from rest_framework import serializers

from keys.admin.keyset import below
from proxy_api.errors import BadRequest

LEAST, USUAL, MOST = 1, 50, 200
Row = TypeVar("Row", bound=Model)


class Paged(serializers.Serializer[Any]):
    """What every list's query may have."""

    limit = serializers.IntegerField(
        min_value=LEAST, max_value=MOST, default=USUAL, help_text="Rows of a page, at most 200."
    )
    after = serializers.CharField(required=False, max_length=64, help_text="The last id of the page before.")


def page(rows: QuerySet[Row], wanted: dict[str, Any], order: tuple[str, ...] = ()) -> tuple[list[Row], bool]:
    """A page's rows, and whether more follow. order: what they are newest by, where that is not their id; the id ends
    it. Raises BadRequest where `after` is no id of such rows."""
    order = order or (rows.model._meta.pk.name,)
    if "after" in wanted:
        rows = rows.filter(below(place(rows.model, wanted["after"], order)))
    found = list(rows.order_by(*(f"-{name}" for name in order))[: wanted["limit"] + 1])
    return found[: wanted["limit"]], len(found) > wanted["limit"]


def place(model: type[Model], after: str, order: tuple[str, ...]) -> dict[str, Any]:
    """What the row has in which the page before ended. That need not be there any more where the id itself says it."""
    key, pk = key_of(model, after), model._meta.pk.name
    if order == (pk,):
        found = None if key is None else {pk: key}
    else:
        found = None if key is None else model._default_manager.filter(pk=key).values(*order).first()
    if found is None:
        raise BadRequest("There is no such id.", param="after", code="invalid_value")
    return found


def key_of(model: type[Model], text: str) -> Any:
    """The primary key that `text` names; None for what can be none of such a row."""
    try:
        return None if "\x00" in text else model._meta.pk.to_python(text)
    except (ValidationError, ValueError):
        return None


def listed(rows: Sequence[Model], more: bool, shown: Callable[[Sequence[Model]], list[Any]]) -> dict[str, Any]:
    ids = [str(row.pk) for row in rows]
    return {
        "object": "list",
        "data": shown(rows),
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": more,
    }
