"""The views that most resources have: the list of rows with the making of one, and one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.serializers import ModelSerializer

from keys.administration import acts
from proxy_api.control import paging
from proxy_api.control.reading import answered, body_of, query_of
from proxy_api.control.views import ControlView, not_found, shown

Values = Mapping[str, Any]


class Resource(ControlView):
    """model, serializer: whose rows these are. A serializer may know rows(): what their representation reads."""

    model: ClassVar[type[Model]]
    serializer: ClassVar[type[ModelSerializer[Any]]]

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def row(self, id: str) -> Any:
        """Raises GatewayError (404)."""
        key = paging.key_of(self.model, id)
        row = self.rows().filter(pk=key).first() if key is not None else None
        if row is None:
            raise not_found()
        return row

    def check(self, row: Any) -> None:
        """Whether the caller may write this row, as it is and as it shall be. Raises GatewayError (403)."""

    def represented(self, rows: Sequence[Model]) -> list[Any]:
        return list(self.serializer(rows, many=True).data)


class PageView(Resource):
    """GET a page of rows. order: see paging.page()."""

    filters: ClassVar[type[paging.Paged]] = paging.Paged
    order: ClassVar[tuple[str, ...]] = ()

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = query_of(request, self.filters)
        rows, more = paging.page(self.filtered(self.rows(), wanted), wanted, self.order)
        return shown(paging.listed(rows, more, self.represented))

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        return rows


class ListView(PageView):
    """GET a page of rows, POST a new one."""

    def post(self, request: HttpRequest) -> HttpResponse:
        values = answered(self.serializer(data=body_of(request)))
        row = self.model()
        acts.put(row, values)
        self.check(row)
        told = self.made(row)
        return shown({**self.represented([row])[0], **told}, 201)

    def made(self, row: Any) -> Values:
        """Save it; what is told once, beside the row."""
        acts.add(row, self.actor)
        return {}


class ReadView(Resource):
    """GET one row."""

    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        return shown(self.represented([self.row(id)])[0])


class RowView(ReadView):
    """GET one row, PATCH some of its fields."""

    def patch(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        self.check(row)
        values = answered(self.serializer(row, data=body_of(request), partial=True))
        names = acts.put(row, values)
        self.check(row)
        try:
            acts.change(row, names, self.actor)
        except ObjectDoesNotExist:
            raise not_found() from None
        return shown(self.represented([row])[0])


class DeletableView(RowView):
    """GET, PATCH or DELETE one row."""

    def delete(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        self.check(row)
        acts.remove(row, self.actor)
        return HttpResponse(status=204)
