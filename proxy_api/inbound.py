"""The client's HTTP request, guarded before anything is read into it: media type, encoding, length, time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_api.errors import BadRequest, ClientGone

UTF8 = ("utf-8", "utf8", '"utf-8"', '"utf8"')
# JSON is read even where a client calls it text/plain or says nothing; forms, XML and multipart are no JSON.
JSON_TYPES = ("application/json", "text/json", "")


def declared_json(environ: Mapping[str, Any]) -> None:
    """Refuse what is not plain UTF-8 JSON by its own declaration: 415 (RFC 9110, 15.5.16)."""
    media, _, parameters = str(environ.get("CONTENT_TYPE", "")).partition(";")
    if media.strip().lower() not in JSON_TYPES:
        raise unsupported("Content-Type must be application/json.")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().lower() not in UTF8:
            raise unsupported("JSON must be UTF-8 (RFC 8259, 8.1).")
    declared_plain(environ)


def declared_plain(environ: Mapping[str, Any]) -> None:
    """Refuse a body that is coded: 415."""
    if str(environ.get("HTTP_CONTENT_ENCODING", "identity")).strip().lower() not in ("", "identity"):
        raise unsupported("Request bodies must come without a Content-Encoding.")


def unsupported(message: str) -> BadRequest:
    return BadRequest(message, status=415, code="unsupported_media_type")


def too_large(limit: int) -> BadRequest:
    return BadRequest(f"The request body is larger than {limit} bytes.", status=413, code="request_too_large")


def read_limited(environ: Mapping[str, Any], limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises BadRequest (413, 408 if it comes too slowly, 400 if it is
    malformed), ClientGone if it is cut."""
    length = declared_length(environ, limit)
    data = taken(environ["wsgi.input"], length if length is not None else limit + 1)
    if len(data) > limit:
        raise too_large(limit)
    if length is not None and len(data) < length:
        raise cut_short()
    return data


def declared_length(environ: Mapping[str, Any], limit: int) -> int | None:
    """The body's length in bytes, None where it comes in chunks. Raises BadRequest: 413 over `limit`."""
    declared = str(environ.get("CONTENT_LENGTH") or "")
    length = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else None
    if declared and length is None:
        raise BadRequest("Content-Length is not a number.") if not declared.isdigit() else too_large(limit)
    if length is not None and length > limit:
        raise too_large(limit)
    return length


def taken(source: Any, size: int) -> bytes:
    """Up to `size` bytes of a PEP 3333 input stream, fewer only at its end. Raises BadRequest: 408, 400; ClientGone."""
    try:
        data: bytes = source.read(size)
    except TimeoutError:
        message, outcome = "The request body came too slowly.", "client_timeout"
        raise BadRequest(message, status=408, code="request_timeout", outcome=outcome) from None
    except ConnectionError:
        raise cut_short() from None
    except OSError:
        raise BadRequest("The request body could not be read.") from None
    return data


def cut_short() -> ClientGone:
    """Only the end of its connection ends a body before its length: who sent it has left, or has stopped sending, and
    transport_watch takes both for the same."""
    return ClientGone("The client left before the end of its request body.")


class HeaderNames(dict[str, str]):
    """A CGI variable -> the header's name in lower case, "" for what is no header; each worked out once."""

    def __missing__(self, key: str) -> str:
        name = key[5:].replace("_", "-").lower() if key.startswith("HTTP_") else ""
        if len(self) < 4096:  # clients make up names; those of the first thousands are enough
            self[key] = name
        return name


NAMES = HeaderNames()


def request_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """{lower-case name: value} of the request's headers."""
    return {name: value for key, value in environ.items() if (name := NAMES[key])}
