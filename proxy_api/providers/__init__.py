"""Who answers, and the HTTP request that is made for it.

Code map: rows.py is the data, prepare() turns a route and a body into an UpstreamRequest.
Invariant: no I/O, and nothing of the client's request but the body and a short list of headers leaves the house; the
address and the key come from the route alone, and a key is only ever put into a request for its own provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from proxy_api.dialects import DIALECTS
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.providers.rows import ROWS
from proxy_api.upstream import Provider, Route, UpstreamRequest

PROVIDERS: Mapping[str, Provider] = MappingProxyType({row.name: row for row in ROWS})

# The client's headers that travel on, by the provider's dialect, each with the form that it must have.
_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")
_COMMON = {
    "idempotency-key": _PRINTABLE,
    "traceparent": re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),  # https://www.w3.org/TR/trace-context/
}
_FORWARDED: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "openai_chat": {"openai-beta": _PRINTABLE, **_COMMON},
    "anthropic": {"anthropic-beta": _PRINTABLE, **_COMMON},
}
# RFC 9110 section 5.5 without what a key never holds: reliability F7, requests would send NUL and raw Latin-1.
_KEY = re.compile(r"[\x21-\x7e]+")
_SHORTEST_KEY = 8  # characters; a shorter one is a word like `none`, for a server that asks for no key


def prepare(route: Route, body: bytes, headers: Mapping[str, str], *, stream: bool = False) -> UpstreamRequest:
    """The request for one attempt. headers: the client's, names lower-case. Raises UpstreamError for a key that is no
    header value (it should have been refused when it was saved); another credential may do."""
    provider, credential, dialect = route.provider, route.credential, DIALECTS[route.dialect]
    return UpstreamRequest(
        method="POST",
        url=address(route) + dialect.path(route.model, stream),
        headers={
            "content-type": "application/json",
            "accept": dialect.accept(stream),
            "user-agent": "dragoman",
            **dict(_forwarded(route.dialect, headers)),
            **provider.headers,
            **{name.lower(): value for name, value in credential.headers.items()},
            **dict(_authorization(route)),
        },
        body=body,
        stream=stream,
        trusted=credential.trusted or (provider.keyless and not credential.base_url),
    )


def hide_key(route: Route, error: GatewayError) -> None:
    """Providers quote the key that they were called with; neither client nor ledger is to have it."""
    secret = route.credential.secret
    if secret is not None and len(key := secret.reveal()) >= _SHORTEST_KEY:
        error.message = error.message.replace(key, "[key]")


def address(route: Route) -> str:
    """The base URL that this route's calls go to, without a trailing slash."""
    return (route.credential.base_url or route.provider.base_url).rstrip("/")


def _forwarded(dialect: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, form in _FORWARDED.get(dialect, _COMMON).items():
        value = headers.get(name)
        if value is not None and form.fullmatch(value):
            yield name, value


def _authorization(route: Route) -> Iterator[tuple[str, str]]:
    if route.credential.broken:
        raise UpstreamError("The provider key cannot be unsealed.", code="provider_auth", retryable=True)
    if route.credential.secret is None:
        return
    key = route.credential.secret.reveal()
    if not _KEY.fullmatch(key):
        raise UpstreamError("The provider key cannot be sent in a header.", code="provider_auth", retryable=True)
    if route.provider.auth == "bearer":
        yield "authorization", f"Bearer {key}"
    else:
        yield route.provider.auth, key
