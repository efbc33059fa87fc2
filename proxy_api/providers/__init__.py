"""Who answers, and the HTTP request that is made for it.

Code map: rows.py and clouds.py are the data; prepare() turns a route and a body into an UpstreamRequest: address.py
says where it goes, authorization.py with what secret, sigv4.py signs for AWS, tokens.py asks for access tokens.
Invariant: no I/O, and nothing of the client's request but the body and a short list of headers leaves the house; the
address and the key come from the route alone, and a key is only ever put into a request for its own provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy_api.dialects import DIALECTS
from proxy_api.providers.address import address, located
from proxy_api.providers.authorization import authorization, hide_key
from proxy_api.providers.rows import ROWS
from proxy_api.providers.sigv4 import Signable
from proxy_api.upstream import Provider, Route, Upload, UpstreamRequest

__all__ = ("PROVIDERS", "Asked", "address", "hide_key", "located", "prepare", "requested")

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
    "anthropic_vertex": {"anthropic-beta": _PRINTABLE, **_COMMON},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a provider, beside the body. path: below its address, with its query; now: Unix seconds, for
    signatures."""

    path: str
    method: str = "POST"
    content_type: str = "application/json"
    accept: str = "application/json"
    stream: bool = False
    now: float = 0.0


def prepare(
    route: Route, body: bytes, headers: Mapping[str, str], *, stream: bool = False, now: float = 0.0
) -> UpstreamRequest:
    """The request for one attempt of a chat. headers: the client's, names lower-case. Raises UpstreamError for a key
    that is no header value (it should have been refused when it was saved) and where an option is missing; another
    credential may do."""
    dialect = DIALECTS[route.dialect]
    path, accept = dialect.path(route.model, stream), dialect.accept(stream)
    return requested(route, Asked(path, accept=accept, stream=stream, now=now), body, headers)


def requested(route: Route, asked: Asked, body: bytes | Upload, headers: Mapping[str, str]) -> UpstreamRequest:
    """The same for any path of the provider. Raises BadRequest for an upload that would have to be signed."""
    credential, url = route.credential, located(route, asked.path)
    own = {
        "content-type": asked.content_type,
        "accept": asked.accept,
        "user-agent": "dragoman",
        **dict(_forwarded(route.dialect, headers)),
        **route.provider.headers,
        **{name.lower(): value for name, value in credential.headers.items()},
    }
    whole = body if isinstance(body, bytes) else None
    signable = Signable(asked.method, url, {"content-type": own["content-type"]}, whole)
    return UpstreamRequest(
        method=asked.method,
        url=url,
        headers=own | authorization(route, signable, asked.now),
        body=body,
        stream=asked.stream,
        trusted=credential.trusted or (route.provider.keyless and not credential.base_url),
    )


def _forwarded(dialect: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, form in _FORWARDED.get(dialect, _COMMON).items():
        value = headers.get(name)
        if value is not None and form.fullmatch(value):
            yield name, value
