"""gunicorn's response object, told what the lean handler already knows.

Per answer gunicorn checks each header against two patterns (Django has refused line breaks in them already) and writes
head and body apart: about 60 us of CPU together. This way the head is made once and a plain answer is one write.
Bound to gunicorn 27.0.1, which is pinned exactly; before any other WSGI server the ordinary protocol is spoken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gunicorn.http.wsgi import Response

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]


def gunicorn_response(start_response: StartResponse) -> Response | None:
    """The response behind `start_response`, where it is gunicorn's."""
    response = getattr(start_response, "__self__", None)
    return response if isinstance(response, Response) else None


def begin(start_response: StartResponse, status: str, headers: Headers) -> None:
    """start_response for a stream: headers that Django has checked are not checked again, but for a length, which
    decides how the body is framed."""
    response = gunicorn_response(start_response)
    if response is None:
        start_response(status, headers)
        return
    start_response(status, [header for header in headers if header[0] == "content-length"])
    response.headers.extend(header for header in headers if header[0] != "content-length")


def first_lines(response: Response, status: str) -> str:
    """What gunicorn's default_headers() says, but for the server's name and with the date made once a second."""
    major, minor = response.req.version
    connection = "close" if response.should_close() else "keep-alive"
    return f"HTTP/{major}.{minor} {status}\r\nDate: {date(int(time.time()))}\r\nConnection: {connection}\r\n"


@lru_cache(maxsize=1)
def date(second: int) -> str:
    """IMF-fixdate (RFC 9110, 5.6.7)."""
    return formatdate(second, usegmt=True)


def whole(start_response: StartResponse, status: str, headers: Headers, body: bytes) -> bytes:
    """start_response for a plain answer; returns what is to be written: head and body in one where that is possible."""
    length = ("Content-Length", str(len(body)))
    response = gunicorn_response(start_response)
    if response is None:
        start_response(status, [*headers, length])
        return body
    start_response(status, [length])
    response.headers.extend(headers)
    if response._omits_body:  # HEAD, 204, 304 (RFC 9110, 6.4.1): gunicorn sends the head alone
        return body
    lines = [f"{name}: {value}\r\n" for name, value in response.headers]
    head = "".join([first_lines(response, status), *lines, "\r\n"]).encode("latin-1")
    response.headers_sent = True
    response.response_length = len(head) + len(body)  # what write() lets through
    return head + body
