"""The pages for people (admin, docs, static files) and /v1/admin/, answered in a thread of gevent's pool.

A blocked SQLite write or a password hash (PBKDF2: 270 ms) in the worker's own thread would stop every stream that it
carries: 1,865 ms measured, 3 ms from here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import gevent
from gevent import monkey

from keys.settled import settings
from proxy_site import failures
from proxy_site.lean import give_back_connections
from proxy_site.sending import StartResponse

Made = TypeVar("Made")
PIECE_BYTES = 64 << 10


class Page(NamedTuple):
    """An answer: finished, or of which nothing was made yet but its head."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


class Pages:
    """An application that answers in threads: the whole answer in memory, but for one that has no length (an export),
    which is made piece by piece as the client takes it."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.handler = handler

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            copy = apart(environ)
        except OSError:
            page = malformed()
        else:
            page = in_thread(lambda: self.answer(copy))
        start_response(page.status, page.headers)
        return page.body

    def answer(self, environ: dict[str, Any]) -> Page:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            started.append((status, headers))

        response = self.handler(environ, start_response)
        status, headers = started[0]
        if not any(name.lower() == "content-length" for name, _ in headers):
            give_back_connections()  # this thread's: the pieces are made in others
            return Page(status, headers, Pieces(response))
        try:
            body = b"".join(response)
        finally:
            getattr(response, "close", bool)()
        return Page(status, headers, (body,))


class Pieces:
    """A body whose pieces are made in threads, none before the one before it was sent: each asks the database anew, so
    that a client who takes an hour holds neither a thread nor a connection."""

    def __init__(self, response: Any) -> None:
        self.response, self.pieces = response, iter(response)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: in_thread(self.piece), b"")

    def piece(self) -> bytes:
        """The next PIECE_BYTES or more; less at the end, nothing after it."""
        made = bytearray()
        try:
            for one in self.pieces:
                made += one
                if len(made) >= PIECE_BYTES:
                    break
        finally:
            give_back_connections()
        return bytes(made)

    def close(self) -> None:
        in_thread(getattr(self.response, "close", bool))


def in_thread(act: Callable[[], Made]) -> Made:
    """Outside a gevent worker (tests, runserver) in the caller's own."""
    if not monkey.is_module_patched("socket"):
        return act()
    made: Made = gevent.get_hub().threadpool.apply(act)
    return made


def apart(environ: dict[str, Any]) -> dict[str, Any]:
    """The environ with its body read here, in the hub, where the socket belongs; without the server's own objects."""
    most = settings.DRAGOMAN_MAX_BODY_BYTES + 1 if "HTTP_TRANSFER_ENCODING" in environ else 0
    length = int(environ.get("CONTENT_LENGTH") or most)
    copy = {name: value for name, value in environ.items() if not name.startswith(("gunicorn.", "wsgi.file_wrapper"))}
    copy["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length) if length else b"")
    return copy


def malformed() -> Page:
    error = failures.refused(400, "The request body could not be read.", "bad_request")
    return Page("400 Bad Request", [("Content-Type", failures.JSON)], (failures.payload(error),))
