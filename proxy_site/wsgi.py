"""The application that the server calls: the door, then the lean handler for the API or the full one for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import django
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_resolver

from keys.settled import settings
from proxy_api.errors import GatewayError
from proxy_api.selectors import IN_ADDRESS, without_organization
from proxy_site import door, drain, failures
from proxy_site.incoming import TimedInput, limit_chunks
from proxy_site.lean import serve
from proxy_site.pages import Pages
from proxy_site.sending import StartResponse

# What is read of a refused body before the connection closes: closing on unread bytes is a reset, which can overtake
# the answer on its way to the client (RFC 9112, 9.6).
LINGER_BYTES = 32 << 20
ORGANIZATION_MARK = "/btorg/"
CONTROL = "/v1/admin/"

django.setup(set_prefix=False)
# Every view is imported now, in the parent of all workers, and not with the first request.
_ = get_resolver().url_patterns
pages, control = Pages(WSGIHandler()), Pages(serve)


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """PEP 3333."""
    if ORGANIZATION_MARK in environ["PATH_INFO"].lower():
        take_organization(environ)
    error = draining(environ) or door.refusal(environ)
    body = environ["wsgi.input"]
    environ["wsgi.input"] = TimedInput(body, settings.DRAGOMAN_BODY_TIMEOUT)
    if settings.DRAGOMAN_HTTPS:
        # The operator's word: TLS ends in front of us. No header that a client could send as well is asked.
        environ["wsgi.url_scheme"] = "https"
    if error is not None:
        return refuse(error, environ, start_response)
    if "HTTP_TRANSFER_ENCODING" in environ:
        limit_chunks(body, settings.DRAGOMAN_MAX_BODY_BYTES)
    return answering(environ["PATH_INFO"])(environ, start_response)


def answering(path: str) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """Pages with all that Django has around them; the API without, and what writes to the database in a thread."""
    if failures.page_path(path):
        return pages
    return control if path.startswith(CONTROL) else serve


def take_organization(environ: dict[str, Any]) -> None:
    """/v1/proxy/btorg/ORG/rest is /v1/proxy/rest, said for ORG: the address is read before anything looks at it."""
    raw = str(environ.get("RAW_URI") or quote(environ["PATH_INFO"], encoding="latin-1"))
    found = without_organization(raw.partition("?")[0])
    if found is not None:
        environ["PATH_INFO"], environ[IN_ADDRESS] = found


def draining(environ: dict[str, Any]) -> GatewayError | None:
    """A new request on a connection kept from before: the client should come back to another process."""
    if not drain.begun() or environ["PATH_INFO"] == "/healthz":
        return None
    return GatewayError(
        "The server is shutting down; send the request again.",
        status=503,
        code="server_shutdown",
        headers={"Retry-After": "1"},
    )


def refuse(error: GatewayError, environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
    """Answer with the error and end the connection: after bad framing nobody knows where the next request begins."""
    body = failures.payload(error)
    headers = [("Content-Type", failures.JSON), ("Content-Length", str(len(body)))]
    headers += {**error.headers, **failures.request_id()}.items()
    # gunicorn drops an application's Connection header; its response object is reached by its bound start_response.
    close_after = getattr(getattr(start_response, "__self__", None), "force_close", None)
    if close_after is not None:
        close_after()
    start_response(f"{error.status} {HTTPStatus(error.status).phrase}", headers)
    return lingering(body, TimedInput(environ["wsgi.input"].source, 2))


def lingering(body: bytes, rest: TimedInput) -> Iterator[bytes]:
    yield body
    with suppress(OSError):
        for _ in range(LINGER_BYTES >> 16):
            if not rest.read(1 << 16):
                return
