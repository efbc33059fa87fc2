"""/v1/admin/usage with its sums, and /v1/admin/audit: to be read, and no more."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema_view

from cache_admin import summing
from cache_admin.models import UsageRecord
from keys.models import AuditEntry
from proxy_api.control import openapi
from proxy_api.control.reading import query_of
from proxy_api.control.resources import PageView, ReadView, Values
from proxy_api.control.serializers.audit import AuditFilters, AuditSerializer
from proxy_api.control.serializers.usage import SummaryFilters, SummarySerializer, UsageFilters, UsageSerializer
from proxy_api.control.views import ControlView, shown

VIEW_USAGE = "cache_admin.view_usagerecord"


@extend_schema_view(get=openapi.lists("usage_records", UsageSerializer, UsageFilters))
class UsageListView(PageView):
    model, serializer, filters = UsageRecord, UsageSerializer, UsageFilters
    rights = {"get": VIEW_USAGE}

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        return summing.chosen(wanted)


@openapi.row("usage_record", UsageSerializer)
class UsageView(ReadView):
    model, serializer = UsageRecord, UsageSerializer
    rights = {"get": VIEW_USAGE}


@extend_schema_view(
    get=openapi.said(
        "sum_usage",
        "Calls, tokens and cost by key, project, model or day",
        {200: SummarySerializer},
        parameters=[SummaryFilters],
    )
)
class UsageSummaryView(ControlView):
    rights = {"get": VIEW_USAGE}

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = query_of(request, SummaryFilters)
        sums = summing.summed(summing.chosen(wanted), wanted["by"])
        return shown(SummarySerializer({**wanted, "sums": sums}).data)


@extend_schema_view(get=openapi.lists("audit_entries", AuditSerializer, AuditFilters))
class AuditView(PageView):
    model, serializer, filters = AuditEntry, AuditSerializer, AuditFilters
    rights = {"get": "keys.view_auditentry"}

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        bounds = {"since": "at__gte", "until": "at__lt"}
        plain = ("actor", "action", "target_type", "target_id")
        named = {bounds.get(name, name): value for name, value in wanted.items() if name in (*bounds, *plain)}
        return rows.filter(**named)
