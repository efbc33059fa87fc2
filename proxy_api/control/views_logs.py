"""/v1/admin/usage with its sums, and /v1/admin/audit: to be read, and no more."""

from __future__ import annotations

from typing import Any, get_args

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema_view

from cache_admin import summing
from cache_admin.models import UsageBody, UsageRecord
from cache_admin.sealed import Part, unseal_body
from keys.administration import audit
from keys.models import AuditEntry
from keys.secrecy.sealing import SealBroken
from proxy_api.control import openapi
from proxy_api.control.reading import query_of
from proxy_api.control.resources import PageView, ReadView, Resource, Values
from proxy_api.control.serializers.audit import AuditFilters, AuditSerializer
from proxy_api.control.serializers.usage import (
    BodiesSerializer,
    SummaryFilters,
    SummarySerializer,
    UsageFilters,
    UsageSerializer,
)
from proxy_api.control.views import ControlView, shown
from proxy_api.errors import BadRequest

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


@openapi.row("usage_bodies", BodiesSerializer)
class UsageBodiesView(Resource):
    """Who reads them is on the audit log before the first word is told."""

    model = UsageBody
    rights = {"get": "cache_admin.view_bodies"}

    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        audit.note(self.actor, "body.viewed", UsageRecord(id=row.pk))
        return shown({part: opened(row, part) for part in get_args(Part)})


def opened(row: UsageBody, part: Part) -> str | None:
    """None where it was not kept. Raises GatewayError."""
    sealed = row.request_sealed if part == "request" else row.answer_sealed
    try:
        return unseal_body(str(row.pk), part, bytes(sealed)).decode(errors="replace") or None
    except SealBroken:
        raise BadRequest("It is sealed under a master key that is gone.", status=409, code="sealed") from None


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
