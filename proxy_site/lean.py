"""Django's request handler for the API: no middleware, no signals, database connections given back before the answer.

Django's default chain costs more than the proxy's own work, and its signals end connections only when a stream has
ended: 130 streams then pin 130 backends of PostgreSQL. Here the connection goes back to the pool when the view returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connections
from django.http.response import HttpResponseBase
from django.urls import set_urlconf

from proxy_site import failures

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class LeanHandler(WSGIHandler):
    """environ -> view -> answer. Every exception becomes OpenAI's error object, with DEBUG on too."""

    _get_response: Callable[[WSGIRequest], HttpResponseBase]

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = self._get_response

    def serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = self.answer(environ)
        headers = [*response.items(), ("X-Content-Type-Options", "nosniff")]
        if not response.streaming:
            headers.append(("Content-Length", str(len(response.content))))  # type: ignore[attr-defined]
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        return Body(response)

    def answer(self, environ: dict[str, Any]) -> HttpResponseBase:
        set_urlconf(None)
        try:
            response = self._get_response(WSGIRequest(environ))
        except Exception as error:
            response = failures.response_to(error)
        finally:
            give_back_connections()
        return response


class Body:
    """A response as the server sends it. close() runs the response's own closers, and no signal."""

    __slots__ = ("response",)

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.response)

    def close(self) -> None:
        for close in self.response._resource_closers:  # type: ignore[attr-defined]
            close()
        give_back_connections()


def give_back_connections() -> None:
    """What request_finished does for the database, at the moment that suits us; costs 1 us where none was used."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
