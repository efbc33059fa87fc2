"""What goes wrong outside the views: our own 400, 403, 404 and 500, in OpenAI's shape for the API, as a page elsewhere.

The four functions named in urls.py follow Django's signature for error views:
https://docs.djangoproject.com/en/5.2/topics/http/views/#customizing-error-views
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import orjson
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string

from keys.ids import new_id
from proxy_api.errors import GatewayError, error_object

JSON = "application/json"
PAGES = ("/admin/", "/static/", "/docs/")
logger = logging.getLogger("dragoman.site")


def page_path(path: str) -> bool:
    """A path of ours for people in a browser; every other path is the API."""
    return path.startswith(PAGES) or path in ("/", "/admin", "/docs", "/favicon.ico")


def payload(error: GatewayError) -> bytes:
    """OpenAI's error object as bytes."""
    return orjson.dumps(error_object(error))


def request_id() -> dict[str, str]:
    """The headers that every answer of the API has, here for those that no view gave."""
    given = new_id()
    return {"x-request-id": given, "request-id": given}


def error_for(exc: Exception) -> GatewayError:
    """An exception that no view dealt with, as the client may see it: nothing of what happened inside is said."""
    match exc:
        case GatewayError():
            return exc
        case Http404():
            return refused(404, "Unknown request URL.", "unknown_url")
        case PermissionDenied():
            return GatewayError("You may not do this.", status=403, type="permission_error", code="forbidden")
        case RequestDataTooBig():
            return refused(413, "The request body is too large.", "request_too_large")
        case BadRequest() | SuspiciousOperation() | MultiPartParserError():
            return refused(400, "The request is malformed.", "bad_request")
        case _:
            return GatewayError("The server had an error while processing your request.", code="internal_error")


def refused(status: int, message: str, code: str) -> GatewayError:
    return GatewayError(message, status=status, type="invalid_request_error", code=code, outcome="refused")


def response_to(exc: Exception) -> HttpResponse:
    """The API's answer to an exception that left a view; an unforeseen one is logged with where it was raised."""
    error = error_for(exc)
    if error.status == 500:
        logger.error("unexpected failure", exc_info=exc)
    headers = {**error.headers, **request_id()}
    return HttpResponse(payload(error), status=error.status, content_type=JSON, headers=headers)


def answer(request: HttpRequest, exc: Exception) -> HttpResponse:
    """OpenAI's shape for the API; a page that says the same for a browser, and leads on."""
    error = error_for(exc)
    if page_path(request.path):
        return page(error.status, "There is no such page." if error.status == 404 else error.message)
    return HttpResponse(payload(error), status=error.status, content_type=JSON, headers=request_id())


def unstorable_refused(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what a browser sends and the database cannot hold is no failure of ours. PostgreSQL takes no NUL, in
    an address or a filter neither, and Django asks it all the same."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def refusal(request: HttpRequest, exc: Exception) -> HttpResponse | None:
        return answer(request, BadRequest()) if isinstance(exc, DataError) else None

    middleware.process_exception = refusal  # type: ignore[attr-defined]  # the hook of Django's middleware
    return middleware


def page(status: int, message: str) -> HttpResponse:
    """For a browser: what is the matter, and ways on."""
    return HttpResponse(render_to_string("sorry.html", {"status": status, "message": message}), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, RuntimeError())
