"""Paths that are passed on: HTTP in, HTTP out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from keys.settled import settings
from proxy_api import body as request_body
from proxy_api import endpoints, gateway, openapi_endpoints, passthrough
from proxy_api.body import Body
from proxy_api.errors import BadRequest, ClientGone
from proxy_api.flight import Call
from proxy_api.inbound import (
    JSON_TYPES,
    declared_json,
    declared_length,
    declared_plain,
    read_limited,
    unsupported,
)
from proxy_api.passthrough import CONTENT_TYPE, Passing
from proxy_api.passthrough_routes import home_of
from proxy_api.planning import rules_of
from proxy_api.transport_wire import EMPTY
from proxy_api.uploads import Arriving, arriving
from proxy_api.views import NO_BODY, ApiView, RecordedView, sent


class RelayedView(RecordedView):
    """Any path under /v1/proxy/ that OpenAI's API has and the gateway does not serve itself.

    path: what is passed on, where the address does not say it."""

    path = ""
    # No HEAD, which OpenAI's API has nowhere: Django would make one of GET, and its answer has a length but no body.
    http_method_names = ["get", "post", "put", "patch", "delete", "options"]

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """An unknown path is 404 before any key is looked at."""
        self.endpoint = endpoints.passing(endpoints.relayed(kwargs.get("path") or self.path))
        return super().answer(request)

    @extend_schema(**openapi_endpoints.RELAYED)
    def post(self, request: HttpRequest) -> HttpResponseBase:
        return self.passed_on(request, *self.read(request))

    def read(self, request: HttpRequest) -> tuple[Body, Arriving | None]:
        """As body_of; what is refused is on the ledger."""
        try:
            return body_of(request)
        except (BadRequest, ClientGone) as error:
            gateway.refused(self.call(request, self.endpoint, NO_BODY), error)
            raise

    def passed_on(
        self, request: HttpRequest, body: Body, upload: Arriving | None, why: str = passthrough.RELAYED
    ) -> HttpResponseBase:
        """why: it is not cached, in one word."""
        meta = request.META
        passing = Passing(
            call=self.call(request, self.endpoint, body),
            method=request.method or "",
            query=meta.get("QUERY_STRING", ""),
            media=meta.get("CONTENT_TYPE", ""),
            accept=meta.get("HTTP_ACCEPT", ""),
            upload=upload,
            why=why,
        )
        return bare(sent(passthrough.answer(passing)))

    @extend_schema(exclude=True)
    def other(self, request: HttpRequest) -> HttpResponseBase:
        return self.post(request)

    get = put = patch = delete = other


class ResponsesView(RelayedView):
    """POST .../responses: a model of a provider that does not have it is asked as a chat. One that has it gets the call
    as it came: read along with where the cache has a part in it, else passed on."""

    path = "responses"

    @extend_schema(**openapi_endpoints.RESPONSES)
    def post(self, request: HttpRequest) -> HttpResponseBase:
        body, upload = self.read(request)
        named = self.given.get("x-bt-endpoint-name")
        match home_of(self.path, body.value.get("model"), self.identity, named):
            case "elsewhere":
                return sent(gateway.answer(checked(self.call(request, endpoints.RESPONSES, body))))
            case "there":
                call = checked(self.call(request, endpoints.RESPONSES_AS_IT_CAME, body))
                why = passthrough.RELAYED if passthrough.kept_query(request.META["QUERY_STRING"]) else uncached(call)
                return self.passed_on(request, body, upload, why) if why else sent(gateway.answer(call))
            case "unknown":
                return self.passed_on(request, body, upload)


def checked(call: Call) -> Call:
    """The call, once its request is a good one. Raises BadRequest, with the call on the ledger."""
    try:
        call.endpoint.check(call.body.value)
        rules_of(call)
    except BadRequest as error:
        gateway.refused(call, error)
        raise
    return call


def uncached(call: Call) -> str:
    """Why the cache has no part in the call, in one word; "" where it has."""
    rules = rules_of(call)
    return "" if rules.only_if_cached or rules.stale_if_error else rules.bypass


def bare(response: HttpResponseBase) -> HttpResponseBase:
    """Without a media type where there can be no body: Django gives one to every answer."""
    if response.status_code in EMPTY:
        del response.headers["content-type"]
    return response


def body_of(request: HttpRequest) -> tuple[Body, Arriving | None]:
    """JSON, read whole and strictly, or what else comes, as it comes. Raises BadRequest."""
    meta = request.META
    media = str(meta.get("CONTENT_TYPE", ""))
    length = declared_length(meta, settings.DRAGOMAN_MAX_RELAYED_BYTES)
    if not length and "HTTP_TRANSFER_ENCODING" not in meta:
        return NO_BODY, None
    if media.partition(";")[0].strip().lower() in JSON_TYPES:
        declared_json(meta)
        return request_body.read(read_limited(meta, settings.DRAGOMAN_MAX_BODY_BYTES)), None
    declared_plain(meta)
    if not CONTENT_TYPE.fullmatch(media):
        raise unsupported("Content-Type is not a media type.")
    return NO_BODY, arriving(meta["wsgi.input"], length, settings.DRAGOMAN_MAX_RELAYED_BYTES, media)


class RealtimeView(ApiView):
    """A websocket, which plain HTTP is not: 501, before any key is looked at."""

    @extend_schema(exclude=True)
    def get(self, request: HttpRequest) -> HttpResponseBase:
        raise endpoints.no_websocket()

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        raise endpoints.no_websocket()
