"""What is refused before anything is read into a request: framing that two servers could read in two ways, and more.

gunicorn 27 refuses both lengths at once, duplicate lengths, folded headers and bare line feeds by itself. It lets
through what stands here (RFC 9112, 3.2 and 6.1; RFC 9110, 7.2 and 8.6), and the application must refuse it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http.request import split_domain_port, validate_host

from keys.settled import settings
from proxy_api.endpoints import takes_uploads
from proxy_api.errors import GatewayError
from proxy_site.failures import refused

Environ = dict[str, Any]
# 16 digits are a petabyte: no body, but a way to make a server wait.
LENGTH_DIGITS = 16


def refusal(environ: Environ) -> GatewayError | None:
    """Why this request is not answered, or None. Reads the headers alone; about 2 us."""
    if not known_host(environ.get("HTTP_HOST", "")):
        return refused(400, "The Host header is missing or names no host of this server.", "bad_host")
    if not environ.get("RAW_URI", "/").startswith(("/", "*")):
        return refused(400, "The request target must be a path (origin-form).", "bad_target")
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        return refused(400, "Transfer-Encoding must be chunked or absent.", "bad_framing")
    if "," in environ.get("HTTP_AUTHORIZATION", ""):
        return refused(400, "Authorization must be given once, without commas.", "bad_authorization")
    return length_refusal(environ.get("CONTENT_LENGTH") or "0", environ.get("PATH_INFO", ""))


def length_refusal(declared: str, path: str) -> GatewayError | None:
    if len(declared) >= LENGTH_DIGITS or not (declared.isascii() and declared.isdigit()):
        return refused(400, "Content-Length is not a sensible number.", "bad_length")
    if int(declared) > settings.DRAGOMAN_MAX_BODY_BYTES:
        limit = settings.DRAGOMAN_MAX_RELAYED_BYTES if takes_uploads(path) else settings.DRAGOMAN_MAX_BODY_BYTES
        if int(declared) <= limit:
            return None
        return refused(413, f"The request body is larger than {limit} bytes.", "request_too_large")
    return None


@lru_cache(maxsize=256)
def known_host(host: str) -> bool:
    """The Host header names a host of ALLOWED_HOSTS. Remembered: few spellings occur."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
