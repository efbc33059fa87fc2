"""The pages for people (admin, docs, static files) and /v1/admin/, answered in a thread of gevent's pool.

A blocked SQLite write or a password hash (PBKDF2: 270 ms) in the worker's own thread would stop every stream that it
carries: 1,865 ms measured, 3 ms from here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import gevent
from gevent import monkey

from keys.settled import settings
from proxy_site import failures
from proxy_site.sending import StartResponse


class Page(NamedTuple):
    """A finished answer."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Pages:
    """An application of which no answer is streamed. Outside a gevent worker (tests, runserver) it answers in the
    caller's thread."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.handler = handler

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            copy = apart(environ)
        except OSError:
            page = malformed()
        else:
            page = self.in_thread(copy) if monkey.is_module_patched("socket") else self.answer(copy)
        start_response(page.status, page.headers)
        return (page.body,)

    def in_thread(self, environ: dict[str, Any]) -> Page:
        page: Page = gevent.get_hub().threadpool.apply(self.answer, (environ,))
        return page

    def answer(self, environ: dict[str, Any]) -> Page:
        """The whole answer in memory: no file or iterator may cross threads."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            started.append((status, headers))

        response = self.handler(environ, start_response)
        try:
            body = b"".join(response)
        finally:
            getattr(response, "close", bool)()
        status, headers = started[0]
        return Page(status, headers, body)


def apart(environ: dict[str, Any]) -> dict[str, Any]:
    """The environ with its body read here, in the hub, where the socket belongs; without the server's own objects."""
    most = settings.DRAGOMAN_MAX_BODY_BYTES + 1 if "HTTP_TRANSFER_ENCODING" in environ else 0
    length = int(environ.get("CONTENT_LENGTH") or most)
    copy = {name: value for name, value in environ.items() if not name.startswith(("gunicorn.", "wsgi.file_wrapper"))}
    copy["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length) if length else b"")
    return copy


def malformed() -> Page:
    error = failures.refused(400, "The request body could not be read.", "bad_request")
    return Page("400 Bad Request", [("Content-Type", failures.JSON)], failures.payload(error))
