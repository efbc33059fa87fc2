"""HTTP in, HTTP out: bytes guarded, the caller known, the gateway asked, its answer sent. Nothing is decided here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from keys import access
from keys.access import AccessRefused
from keys.identity import Identity
from keys.ids import new_id
from proxy_api import body as request_body
from proxy_api import gateway, openapi, routing, shape
from proxy_api.errors import BadRequest, GatewayError, error_object
from proxy_api.inbound import declared_json, read_limited, request_headers
from proxy_api.transport import Watch

logger = logging.getLogger("dragoman.api")
EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"


class VirtualKeyAuthentication(BaseAuthentication):
    """DRF's authentication protocol over keys.access: Bearer, x-api-key or api-key."""

    def authenticate(self, request: Request) -> tuple[Identity, None]:
        meta = request.META
        identity = access.identify(
            meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_X_API_KEY") or meta.get("HTTP_API_KEY")
        )
        return identity, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class JsonAlways(BaseContentNegotiation):
    """The Accept header is ignored: an event stream is asked for in the body, and a 406 helps nobody."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser:
        return cast("BaseParser", parsers[0])

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return cast("BaseRenderer", renderers[0]), JSON


class ApiView(APIView):
    """What all views under /v1 share: who is asking, a request id on every answer, errors in OpenAI's shape.

    dispatch() is the REST framework's without what has no meaning here (parsers, renderers, throttles, versions).
    """

    authentication_classes = [VirtualKeyAuthentication]
    permission_classes = []
    throttle_classes = []
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonAlways

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.received, self.now, self.request_id = time.monotonic(), time.time(), new_id()
        self.args, self.kwargs = args, kwargs
        self.request = asked = Request(request, authenticators=self.authenticators)
        response: HttpResponseBase
        try:
            caller(asked)
            response = self.answering(request.method)(asked, *args, **kwargs)
        except Exception as exc:
            response = self.handle_exception(exc)
        response.headers["x-request-id"] = response.headers["request-id"] = self.request_id
        return response

    @cached_property
    def authenticators(self) -> list[BaseAuthentication]:
        return [authentication() for authentication in self.authentication_classes]

    def answering(self, method: str | None) -> Callable[..., HttpResponseBase]:
        """The method's own function. Raises MethodNotAllowed."""
        name = (method or "").lower()
        found = getattr(self, name, None) if name in self.http_method_names else None
        if found is None or name == "options":
            raise exceptions.MethodNotAllowed(method or "")
        return cast("Callable[..., HttpResponseBase]", found)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no renderer of DRF's
        error = in_our_words(exc)
        if error.status == 500:
            logger.error("unexpected failure", exc_info=exc)
        if error.status == 405:
            error.headers["Allow"] = ", ".join(name for name in self.allowed_methods if name != "OPTIONS")
        return error_response(error)


def caller(request: Request) -> Identity:
    """Who VirtualKeyAuthentication found."""
    return cast("Identity", request.user)


def in_our_words(exc: Exception) -> GatewayError:
    """Any exception as a GatewayError; what is not foreseen says nothing of itself."""
    match exc:
        case GatewayError():
            return exc
        case AccessRefused():
            kind = "authentication_error" if exc.status == 401 else "api_error"
            headers = {"WWW-Authenticate": "Bearer"} if exc.status == 401 else {}
            return GatewayError(exc.message, status=exc.status, type=kind, code=exc.code, headers=headers)
        case exceptions.MethodNotAllowed():
            return BadRequest("Method not allowed", status=405, code="method_not_allowed")
        case _:
            return GatewayError("The server had an error while processing your request.", code="internal_error")


def error_response(error: GatewayError) -> HttpResponse:
    response = HttpResponse(orjson.dumps(error_object(error)), status=error.status, content_type=JSON)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


class ChatView(ApiView):
    """POST .../chat/completions."""

    @extend_schema(**openapi.CHAT)
    def post(self, request: Request, model: str | None = None) -> HttpResponseBase:
        call = self.call(request, model)
        try:
            answer = gateway.chat(call)
        except GatewayError:
            release(call.watch)
            raise
        return sent(answer, call.watch)

    def call(self, request: Request, model: str | None) -> gateway.Call:
        """The guarded request as the gateway wants it. `model` comes from Azure's form of the address."""
        declared_json(request.META)
        body = request_body.read(read_limited(request, settings.DRAGOMAN_MAX_BODY_BYTES))
        if model is not None and "model" not in body.value:
            body = request_body.read(request_body.edited(body, {"model": orjson.dumps(model)}))
        shape.check_chat(body.value)
        return gateway.Call(
            id=self.request_id,
            endpoint="chat/completions",
            identity=caller(request),
            body=body,
            headers=request_headers(request.META),
            received=self.received,
            now=self.now,
            watch=watched(request.META),
        )


def watched(environ: Mapping[str, Any]) -> Watch | None:
    """The client's socket, where the server shows it (gunicorn does)."""
    sock = environ.get("gunicorn.socket")
    return Watch(sock) if sock is not None else None


def release(watch: Watch | None) -> None:
    if watch is not None:
        watch.close()


def sent(answer: gateway.Answer, watch: Watch | None) -> HttpResponseBase:
    """The gateway's answer as Django's response."""
    response: HttpResponseBase
    if answer.frames is None:
        release(watch)
        response = HttpResponse(answer.body or b"", content_type=JSON)
    else:
        response = StreamingHttpResponse(Sending(answer.frames, watch), content_type=EVENT_STREAM)
        response.headers["X-Accel-Buffering"] = "no"
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


class Sending:
    """The frames on their way out; the server calls close() whatever happens: it lets go of the client's socket."""

    __slots__ = ("close_frames", "frames", "watch")

    def __init__(self, frames: gateway.Frames, watch: Watch | None) -> None:
        self.frames, self.close_frames, self.watch = iter(frames), frames.close, watch

    def __iter__(self) -> Iterator[bytes]:
        return self.frames

    def close(self) -> None:
        try:
            self.close_frames()
        finally:
            release(self.watch)


class ModelsView(ApiView):
    """GET /v1/models: what this key may call, one object that OpenAI's and Anthropic's clients both read."""

    @extend_schema(**openapi.MODELS)
    def get(self, request: Request) -> HttpResponse:
        models = [model_object(listed) for listed in routing.listed_models(caller(request))]
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
    def get(self, request: Request, model: str) -> HttpResponse:
        for listed in routing.listed_models(caller(request)):
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
