"""/v1/admin/aliases and /v1/admin/prices."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cache_admin.models import Price, Source
from proxy_api.control import openapi
from proxy_api.control.paging import Paged
from proxy_api.control.resources import DeletableView, ListView, Values
from proxy_api.control.serializers.models import AliasSerializer, PriceFilters, PriceSerializer
from proxy_api.control.views import rights
from proxy_api.models import Alias


@openapi.rows("aliases", "alias", AliasSerializer, Paged)
class AliasesView(ListView):
    model, serializer = Alias, AliasSerializer
    rights = rights("proxy_api", "alias")


@openapi.row("alias", AliasSerializer)
class AliasView(DeletableView):
    model, serializer = Alias, AliasSerializer
    rights = rights("proxy_api", "alias")


@openapi.rows("prices", "price", PriceSerializer, PriceFilters)
class PricesView(ListView):
    model, serializer, filters = Price, PriceSerializer, PriceFilters
    rights = rights("cache_admin", "price")

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        rows = rows.filter(**{name: wanted[name] for name in ("provider", "model") if name in wanted})
        return rows.filter(source=Source.OWN if wanted["own"] else Source.SYNCED) if "own" in wanted else rows


@openapi.row("price", PriceSerializer)
class PriceView(DeletableView):
    model, serializer = Price, PriceSerializer
    rights = rights("cache_admin", "price")
