"""/v1/admin/projects, and /v1/admin/issuers, whose tokens put callers into them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from keys.models import Project, TokenIssuer
from proxy_api.control import openapi
from proxy_api.control.paging import Paged
from proxy_api.control.resources import DeletableView, ListView, RowView, Values
from proxy_api.control.serializers.issuers import IssuerSerializer
from proxy_api.control.serializers.projects import ProjectFilters, ProjectSerializer
from proxy_api.control.views import rights


@openapi.rows("projects", "project", ProjectSerializer, ProjectFilters)
class ProjectsView(ListView):
    model, serializer, filters = Project, ProjectSerializer, ProjectFilters
    rights = rights("keys", "project")

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        return rows.filter(name=wanted["name"]) if "name" in wanted else rows


@openapi.row("project", ProjectSerializer)
class ProjectView(RowView):
    model, serializer = Project, ProjectSerializer
    rights = rights("keys", "project")


@openapi.rows("issuers", "issuer", IssuerSerializer, Paged)
class IssuersView(ListView):
    model, serializer = TokenIssuer, IssuerSerializer
    rights = rights("keys", "tokenissuer")


@openapi.row("issuer", IssuerSerializer)
class IssuerView(DeletableView):
    model, serializer = TokenIssuer, IssuerSerializer
    rights = rights("keys", "tokenissuer")
