"""/v1/admin/keys and /v1/admin/admin_keys: issued, changed, rotated, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from keys.administration import acts, issuing
from keys.models import AdminKey, VirtualKey
from proxy_api.control import openapi
from proxy_api.control.paging import Paged
from proxy_api.control.reading import answered, body_of
from proxy_api.control.resources import ListView, Resource, RowView, Values
from proxy_api.control.serializers.admin_keys import AdminKeySerializer, IssuedAdminKeySerializer
from proxy_api.control.serializers.keys import (
    IssuedSerializer,
    KeyFilters,
    KeySerializer,
    NothingSerializer,
    RotationSerializer,
)
from proxy_api.control.views import shown
from proxy_api.errors import BadRequest

CHANGE = "keys.change_virtualkey"


class KeyResource(Resource):
    model = VirtualKey
    serializer = KeySerializer

    def rows(self) -> QuerySet[VirtualKey]:
        return VirtualKey.objects.select_related("project")


@openapi.rows("keys", "key", KeySerializer, KeyFilters, IssuedSerializer)
class KeysView(KeyResource, ListView):
    filters = KeyFilters
    rights = {"get": "keys.view_virtualkey", "post": "keys.add_virtualkey"}

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        if "project" in wanted:
            rows = rows.filter(Q(project_id=wanted["project"]) | Q(project__name=wanted["project"]))
        if "name" in wanted:
            rows = rows.filter(name__icontains=wanted["name"])
        if "owner" in wanted:
            rows = rows.filter(owner=wanted["owner"])
        return rows.filter(in_state(wanted["state"], self.moment)) if "state" in wanted else rows

    def made(self, row: VirtualKey) -> Values:
        return {"token": acts.issue(row, self.actor)}


def in_state(state: str, now: Any) -> Q:
    """As VirtualKey.state() says it."""
    expired = Q(expires_at__lte=now)
    match state:
        case "revoked":
            return Q(revoked_at__isnull=False)
        case "expired":
            return Q(revoked_at=None) & expired
        case _:
            return Q(revoked_at=None, enabled=state == "active") & (Q(expires_at=None) | Q(expires_at__gt=now))


@openapi.row("key", KeySerializer)
class KeyView(KeyResource, RowView):
    rights = {"get": "keys.view_virtualkey", "patch": CHANGE}


@openapi.act(
    "rotate_key", "A new secret for a key; the old one works for the grace", IssuedSerializer, RotationSerializer
)
class KeyRotationView(KeyResource):
    rights = {"post": CHANGE}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        key = self.row(id)
        grace = answered(RotationSerializer(data=body_of(request)))["grace_seconds"]
        try:
            token = acts.rotate(key, timedelta(seconds=grace), self.moment, self.actor)
        except issuing.NotRotated as error:
            raise BadRequest(f"{error}: it cannot be rotated.", status=409, code="not_rotated") from None
        return shown({**self.represented([key])[0], "token": token})


@openapi.act("revoke_key", "Revoke a key, for good, in every process within a second", KeySerializer)
class KeyRevocationView(KeyResource):
    rights = {"post": CHANGE}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        key = self.row(id)
        answered(NothingSerializer(data=body_of(request)))
        acts.revoke(key, self.moment, self.actor)
        return shown(self.represented([key])[0])


class AdminKeyResource(Resource):
    model = AdminKey
    serializer = AdminKeySerializer


@openapi.rows("admin_keys", "admin_key", AdminKeySerializer, Paged, IssuedAdminKeySerializer)
class AdminKeysView(AdminKeyResource, ListView):
    rights = {"get": "keys.view_adminkey", "post": "keys.add_adminkey"}

    def made(self, row: AdminKey) -> Values:
        return {"token": acts.issue(row, self.actor)}


@openapi.act("revoke_admin_key", "Revoke an admin key", AdminKeySerializer)
class AdminKeyRevocationView(AdminKeyResource):
    rights = {"post": "keys.change_adminkey"}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        key = self.row(id)
        answered(NothingSerializer(data=body_of(request)))
        acts.revoke(key, self.moment, self.actor)
        return shown(self.represented([key])[0])
