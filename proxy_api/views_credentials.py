"""POST /v1/proxy/credentials: a key asks for a temporary credential. HTTP in, HTTP out."""

from __future__ import annotations

import uuid

import orjson
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from keys.entrance import refusals, temporary
from keys.entrance.identity import Identity
from keys.reading import DatabaseAway
from keys.settled import settings
from proxy_api import body as request_body
from proxy_api import credential_wishes, openapi_endpoints, rights
from proxy_api.credential_wishes import Faults
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.inbound import declared_json, read_limited
from proxy_api.views import JSON, ApiView, error_response

PLAIN = "text/plain; charset=utf-8"


class CredentialsView(ApiView):
    """Not a call: nothing of it is stored, on the ledger neither."""

    @extend_schema(**openapi_endpoints.CREDENTIALS)
    def post(self, request: HttpRequest) -> HttpResponse:
        check_kind(self.identity)
        rights.check_endpoint(self.identity, "credentials")
        declared_json(request.META)
        body = request_body.read(read_limited(request.META, settings.DRAGOMAN_MAX_BODY_BYTES))
        wishes = credential_wishes.read(body.value, self.selected.organization)
        try:
            token = temporary.issue(self.identity, wishes, self.now, str(uuid.uuid4()))
        except DatabaseAway:
            raise refusals.away() from None
        return HttpResponse(orjson.dumps({"key": token}), content_type=JSON, headers={"cache-control": "no-store"})

    def told(self, error: GatewayError) -> HttpResponse:
        """As the reference says it: plain text, or a list of faults; our own form where it is asked for."""
        if "json" in str(self.request.META.get("HTTP_ACCEPT", "")).lower():
            return error_response(error)
        said = orjson.dumps(error.faults) if isinstance(error, Faults) else error.message.encode()
        return error_response(error, said, PLAIN)


def check_kind(identity: Identity) -> None:
    """Whether the caller is a key of ours. Raises GatewayError."""
    if identity.kind == "temporary":
        raise BadRequest("Temporary credential cannot be used to issue another temp credential.")
    if identity.kind != "virtual":
        raise rights.refused("Only a key that was issued here can make temporary credentials.", "key_needed")
