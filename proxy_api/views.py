"""HTTP in, HTTP out: bytes guarded, the caller known, the gateway asked, its answer sent. Nothing is decided here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from typing import Any, cast

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from keys.entrance import access
from keys.entrance.client_address import client_address
from keys.entrance.identity import Identity
from keys.entrance.refusals import AccessRefused
from keys.ids import new_id
from keys.settled import settings
from proxy_api import answers, cors, endpoints, gateway, openapi, openapi_endpoints, rights, routing, selectors
from proxy_api import body as request_body
from proxy_api.body import Body
from proxy_api.endpoints import Endpoint
from proxy_api.errors import BadRequest, ClientGone, GatewayError, error_object
from proxy_api.flight import Call
from proxy_api.inbound import declared_json, read_limited, request_headers

logger = logging.getLogger("dragoman.api")
EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"
NO_BODY = Body(b"", {}, ())  # of a request that could not be read


class ApiView(APIView):
    """What all views under /v1 share: who is asking, a request id on every answer, errors in OpenAI's shape.

    dispatch() is the REST framework's without what has no meaning here: parsers, renderers, throttles, versions, and
    negotiation above all (an event stream is asked for in the body, and a 406 for its Accept header helps nobody).
    """

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    renderer_classes = [JSONRenderer]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.received, self.now, self.request_id = time.monotonic(), time.time(), new_id()
        self.selected = selectors.NOTHING
        headers = {"x-request-id": self.request_id, "request-id": self.request_id}
        response: HttpResponseBase
        try:
            headers |= cors.headers_for(request.META, settings.DRAGOMAN_CORS_ORIGINS)
            response = self.preflight(request) if request.method == "OPTIONS" else self.answer(request, **kwargs)
        except Exception as exc:
            response = self.handle_exception(exc)
        if self.selected.parent:
            headers["x-bt-span-id"] = self.request_id
        put(response, headers)
        return response

    def preflight(self, request: HttpRequest) -> HttpResponse:
        """A browser asks before it calls, without a key. Raises MethodNotAllowed where no origin may."""
        if not settings.DRAGOMAN_CORS_ORIGINS or "HTTP_ORIGIN" not in request.META:
            raise exceptions.MethodNotAllowed("OPTIONS")
        response = HttpResponse(status=204)
        put(response, cors.preflight(request.META, self.allowed_methods))
        return response

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        self.identity = self.caller(request)
        self.admit(request)
        return self.answering(request.method)(request, **kwargs)

    def admit(self, request: HttpRequest) -> None:
        """Hold the call against what its key says of where from and for whom. Raises GatewayError."""
        meta = request.META
        self.given = request_headers(meta)
        if self.identity.networks:
            rights.check_network(self.identity, client_address(meta))
        self.selected = selectors.selected(self.given, meta.get(selectors.IN_ADDRESS), self.identity)

    def caller(self, request: HttpRequest) -> Identity:
        """Who is asking. Raises AccessRefused."""
        meta = request.META
        return access.identify(meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_X_API_KEY") or meta.get("HTTP_API_KEY"))

    def answering(self, method: str | None) -> Callable[..., HttpResponseBase]:
        """The method's own function. Raises MethodNotAllowed."""
        name = (method or "").lower()
        found = getattr(self, name, None) if name in self.http_method_names else None
        if found is None:
            raise exceptions.MethodNotAllowed(method or "")
        return cast("Callable[..., HttpResponseBase]", found)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no renderer of DRF's
        error = in_our_words(exc)
        if error.status == 500:
            logger.error("unexpected failure", exc_info=exc)
        if error.status == 405:
            error.headers["Allow"] = ", ".join(name for name in self.allowed_methods if name != "OPTIONS")
        return self.told(error)

    def told(self, error: GatewayError) -> HttpResponse:
        """An error as the client reads it."""
        return error_response(error)


class Finished(HttpResponse):
    """A body that is complete, and its type, both clean by construction. What Django sets up for cookies and for bodies
    that are written piece by piece costs as much as the rest of the view: 8 us."""

    cookies: SimpleCookie = property(lambda self: SimpleCookie())  # type: ignore[assignment]  # it has none

    def __init__(self, body: bytes, content_type: str) -> None:
        self.headers = ResponseHeaders({})
        self.headers._store["content-type"] = ("Content-Type", content_type)
        self._container = [body]
        self._charset = self._reason_phrase = self._handler_class = None
        self._resource_closers: list[Callable[[], None]] = []
        self.closed = False


def put(response: HttpResponseBase, headers: Mapping[str, str]) -> None:
    """Set headers whose names are lower-case and whose values are clean by construction (see outgoing.printable).

    Into the mapping's own store: Django's check of each costs 1.5 us, a twentieth of a cache hit together.
    """
    response.headers._store.update({name: (name, value) for name, value in headers.items()})


def in_our_words(exc: Exception) -> GatewayError:
    """Any exception as a GatewayError; what is not foreseen says nothing of itself."""
    match exc:
        case GatewayError():
            return exc
        case AccessRefused():
            kind = {401: "authentication_error", 403: "permission_error"}.get(exc.status, "api_error")
            headers = {"WWW-Authenticate": "Bearer"} if exc.status == 401 else {}
            return GatewayError(exc.message, status=exc.status, type=kind, code=exc.code, headers=headers)
        case exceptions.MethodNotAllowed():
            return BadRequest("Method not allowed", status=405, code="method_not_allowed")
        case _:
            return answers.unforeseen()


def error_response(error: GatewayError, body: bytes | None = None, content_type: str = JSON) -> HttpResponse:
    """body, content_type: where it is not to be OpenAI's object."""
    body = orjson.dumps(error_object(error)) if body is None else body
    response = HttpResponse(body, status=error.status, content_type=content_type)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


class RecordedView(ApiView):
    """A view whose requests are calls, to the endpoint that the address names: each is on the ledger, also refused."""

    endpoint: Endpoint

    def admit(self, request: HttpRequest) -> None:
        try:
            super().admit(request)
            rights.check_endpoint(self.identity, self.endpoint.name)
        except GatewayError as error:
            gateway.refused(self.call(request, self.endpoint, NO_BODY), error)
            raise

    def call(self, request: HttpRequest, endpoint: Endpoint, body: Body) -> Call:
        return Call(
            id=self.request_id,
            endpoint=endpoint,
            identity=self.identity,
            body=body,
            headers=self.given,
            received=self.received,
            now=self.now,
            client=request.META.get("gunicorn.socket"),
            selected=self.selected,
        )


class CallView(RecordedView):
    """POST to one of the gateway's endpoints."""

    def called(self, request: HttpRequest, model: str | None) -> HttpResponseBase:
        endpoint = self.endpoint
        try:
            body = guarded_body(request, endpoint, model)
            endpoint = self.meant(body)
            endpoint.check(body.value)
        except (BadRequest, ClientGone) as error:
            gateway.refused(self.call(request, endpoint, NO_BODY), error)
            raise
        return sent(gateway.answer(self.call(request, endpoint, body)))

    def meant(self, body: Body) -> Endpoint:
        """Which endpoint the request is for. Raises BadRequest."""
        return self.endpoint


class ChatView(CallView):
    """POST .../chat/completions."""

    endpoint = endpoints.CHAT

    @extend_schema(**openapi.CHAT)
    def post(self, request: HttpRequest, model: str | None = None) -> HttpResponseBase:
        return self.called(request, model)


class CompletionsView(CallView):
    """POST .../completions, OpenAI's legacy."""

    endpoint = endpoints.COMPLETIONS

    @extend_schema(**openapi_endpoints.COMPLETIONS)
    def post(self, request: HttpRequest, model: str | None = None) -> HttpResponseBase:
        return self.called(request, model)


class EmbeddingsView(CallView):
    """POST .../embeddings."""

    endpoint = endpoints.EMBEDDINGS

    @extend_schema(**openapi_endpoints.EMBEDDINGS)
    def post(self, request: HttpRequest, model: str | None = None) -> HttpResponseBase:
        return self.called(request, model)


class ModerationsView(CallView):
    """POST .../moderations."""

    endpoint = endpoints.MODERATIONS

    @extend_schema(**openapi_endpoints.MODERATIONS)
    def post(self, request: HttpRequest) -> HttpResponseBase:
        return self.called(request, None)


class AutoView(CallView):
    """POST .../auto: chat or completions, by the model's kind."""

    endpoint = endpoints.auto("")

    @extend_schema(**openapi_endpoints.AUTO)
    def post(self, request: HttpRequest) -> HttpResponseBase:
        return self.called(request, None)

    def meant(self, body: Body) -> Endpoint:
        model = body.value.get("model")
        return endpoints.auto(model) if isinstance(model, str) else self.endpoint


def guarded_body(request: HttpRequest, endpoint: Endpoint, model: str | None) -> Body:
    """The body as JSON. `model` comes from Azure's form of the address, and stands where the body names none, as the
    endpoint's own default does. Raises BadRequest."""
    declared_json(request.META)
    body = request_body.read(read_limited(request.META, settings.DRAGOMAN_MAX_BODY_BYTES), max_nodes=endpoint.max_nodes)
    model = model or endpoint.default_model
    if model and body.value.get("model") is None:
        body = request_body.read(request_body.edited(body, {"model": orjson.dumps(model)}))
    return body


def sent(answer: answers.Answer) -> HttpResponseBase:
    """The gateway's answer as Django's response, which closes the frames whatever happens."""
    response: HttpResponseBase
    if answer.frames is None:
        response = Finished(answer.body or b"", EVENT_STREAM if answer.events else JSON)
    else:
        response = StreamingHttpResponse(answer.frames, status=answer.status, content_type=EVENT_STREAM)
    if answer.frames is not None or answer.events:
        answer.headers["x-accel-buffering"] = "no"
    put(response, answer.headers)
    return response


class ModelsView(ApiView):
    """GET /v1/models: what this key may call, one object that OpenAI's and Anthropic's clients both read."""

    @extend_schema(**openapi.MODELS)
    def get(self, request: HttpRequest) -> HttpResponse:
        models = [model_object(listed) for listed in routing.listed_models(self.identity)]
        ids = [model["id"] for model in models]
        found = {
            "object": "list",
            "data": models,
            "has_more": False,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
        return HttpResponse(orjson.dumps(found), content_type=JSON)


class ModelView(ApiView):
    """GET /v1/models/<id>, slashes and all."""

    @extend_schema(**openapi.MODEL)
    def get(self, request: HttpRequest, model: str) -> HttpResponse:
        for listed in routing.listed_models(self.identity):
            if listed.id == model:
                return HttpResponse(orjson.dumps(model_object(listed)), content_type=JSON)
        raise GatewayError(
            f"The model '{model[:200]}' does not exist or you do not have access to it.",
            status=404,
            type="invalid_request_error",
            code="model_not_found",
            param="model",
        )


def model_object(listed: routing.ListedModel) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/models/object and https://docs.anthropic.com/en/api/models-list."""
    return {
        "id": listed.id,
        "object": "model",
        "created": 0,
        "owned_by": listed.provider,
        "type": "model",
        "display_name": listed.id,
        "created_at": "1970-01-01T00:00:00Z",
    }


class UnknownPathView(ApiView):
    """Any other path under /v1: 404 in OpenAI's shape, before any key is looked at."""

    authentication_classes = []

    @extend_schema(exclude=True)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request_id = new_id()
        response = error_response(
            BadRequest("Unknown request URL. Chat lives at POST /v1/chat/completions.", status=404, code="unknown_url")
        )
        response.headers["x-request-id"] = response.headers["request-id"] = request_id
        return response


def greeting(request: HttpRequest) -> HttpResponse:
    """A base URL opened in a browser: the reference answers 200 here too."""
    return HttpResponse(
        "Dragoman. Chat lives at POST /v1/chat/completions.\n", content_type="text/plain; charset=utf-8"
    )
