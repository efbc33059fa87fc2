"""Browsers on other origins (https://fetch.spec.whatwg.org/#http-cors-protocol). Closed unless the operator lists them.

Without DRAGOMAN_CORS_ORIGINS an Origin header means nothing here: no answer lets a foreign page read it. With it, any
other origin is refused outright, as the reference does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy_api.errors import GatewayError

METHODS = frozenset({"GET", "OPTIONS", "POST"})  # as the reference names them for every path
PREFLIGHT_SECONDS = "7200"
EXPOSED = (
    "age, cache-control, openai-processing-ms, request-id, retry-after, retry-after-ms, x-bt-cached, x-bt-span-id, "
    "x-bt-used-endpoint, x-dragoman-attempts, x-dragoman-cache, x-dragoman-cost, x-dragoman-dropped, "
    "x-dragoman-model, x-dragoman-provider, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    "x-ratelimit-reset-tokens, x-request-id, x-should-retry"
)


def headers_for(environ: Mapping[str, Any], origins: Sequence[str]) -> dict[str, str]:
    """What an answer to this origin carries; {} for a request without one. Raises GatewayError 403 for a foreign."""
    origin = environ.get("HTTP_ORIGIN")
    if not origin or not origins:
        return {}
    if origin not in origins:
        raise GatewayError("Forbidden", status=403, type="permission_error", code="origin_not_allowed")
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
        "vary": "Origin",
    }


def preflight(environ: Mapping[str, Any], methods: Iterable[str]) -> dict[str, str]:
    """What a preflight's answer carries on top: the headers that it asked for, echoed where they are header names.
    methods: those that the path takes."""
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    clean = asked if asked.isascii() and asked.isprintable() else ""
    return {
        "access-control-allow-methods": ", ".join(sorted(METHODS.union(methods))),
        "access-control-allow-headers": clean,
        "access-control-max-age": PREFLIGHT_SECONDS,
    }
