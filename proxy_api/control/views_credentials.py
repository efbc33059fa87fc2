"""/v1/admin/credentials: their secrets go in and do not come out."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from keys.administration import audit
from keys.models import ProviderCredential
from keys.outward import credentials, probing
from proxy_api.control import openapi
from proxy_api.control.reading import answered, body_of
from proxy_api.control.resources import DeletableView, ListView, Resource, Values
from proxy_api.control.serializers.credentials import CredentialFilters, CredentialSerializer, TriedListSerializer
from proxy_api.control.serializers.keys import NothingSerializer
from proxy_api.control.views import rights, shown


class CredentialResource(Resource):
    model, serializer = ProviderCredential, CredentialSerializer
    rights = rights("keys", "providercredential")

    def rows(self) -> QuerySet[ProviderCredential]:
        return ProviderCredential.objects.select_related("project")


@openapi.rows("credentials", "credential", CredentialSerializer, CredentialFilters)
class CredentialsView(CredentialResource, ListView):
    filters = CredentialFilters

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        if "project" in wanted:
            rows = rows.filter(Q(project_id=wanted["project"]) | Q(project__name=wanted["project"]))
        return rows.filter(provider=wanted["provider"]) if "provider" in wanted else rows


@openapi.row("credential", CredentialSerializer)
class CredentialView(CredentialResource, DeletableView):
    pass


@openapi.act(
    "test_credential", "Ask its provider whether it knows the secret, without a paid call", TriedListSerializer
)
class CredentialTestView(CredentialResource):
    """What is stored is tried, at its own address: nothing in the request is read."""

    rights = {"post": "keys.change_providercredential"}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        answered(NothingSerializer(data=body_of(request)))
        audit.note(self.actor, "credential.tested", row)
        found = [{"options": one.options, **probing.probe(one)._asdict()} for one in credentials.credentials_of(row)]
        return shown(TriedListSerializer({"found": found}).data)
