"""Access tokens that a credential's secret is exchanged for, kept in the process until a minute before they expire.

One exchange at a time for each secret: the calls that wait for it take what it brought, a failure included for some
seconds, so that a token endpoint that is away is not asked by every call.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from keys.outward import outbound
from keys.secrecy.secret import Secret, key_of, parts_of
from proxy_api import transport
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.providers.tokens import EXCHANGES, Token, TokenRequest, read_answer
from proxy_api.transport import Deadlines
from proxy_api.upstream import Route, UpstreamRequest

MARGIN = 60.0  # seconds before its end from which a token is not used any more
FAILURE_KEPT = 2.0
MOST = 1000  # secrets; callers who bring their own are not to fill the memory
DEADLINES = Deadlines(connect=3.0, first_byte=10.0, idle=10.0, total=15.0, ping=15.0)


@dataclass(slots=True)
class _Kept:
    """What one secret was last exchanged for, good until `until` on the monotonic clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0.0
    token: Secret | None = None
    failure: GatewayError | None = None


_kept: dict[bytes, _Kept] = {}


def authorized(route: Route) -> Route:
    """The route with an access token where its secret must be exchanged for one; else as it is. Blocks for the
    exchange; raises UpstreamError (retryable) where none is given."""
    ask, secret = EXCHANGES.get(route.provider.auth), route.credential.secret
    parts = parts_of(key_of(secret.reveal())) if ask is not None and secret is not None else None
    if ask is None or secret is None or parts is None:
        return route
    kept = _of(secret)
    with kept.lock:
        if time.monotonic() >= kept.until:
            _exchange(kept, route, parts)
    if kept.failure is not None:
        raise replaced(kept.failure)
    return replace(route, token=kept.token)


def forget() -> None:
    """Drop what is kept."""
    _kept.clear()


def replaced(error: GatewayError) -> UpstreamError:
    """An exception of its own for each call that it is raised in: they are changed on their way."""
    return UpstreamError(error.message, code=error.code or "provider_auth", retryable=True)


def _of(secret: Secret) -> _Kept:
    name = hashlib.sha256(secret.reveal().encode()).digest()
    if name not in _kept and len(_kept) >= MOST:
        _kept.pop(next(iter(_kept)))
    return _kept.setdefault(name, _Kept())


def _exchange(kept: _Kept, route: Route, parts: Mapping[str, str]) -> None:
    try:
        token = _asked(EXCHANGES[route.provider.auth](parts, time.time()), trusted=_operators(route))
    except GatewayError as error:
        kept.token, kept.failure, kept.until = None, error, time.monotonic() + FAILURE_KEPT
        return
    kept.token, kept.failure = Secret(token.text), None
    kept.until = time.monotonic() + max(0.0, token.lifetime - MARGIN)


def _operators(route: Route) -> bool:
    """Whether the endpoint that the secret names is the operator's word: a caller's own key has no id."""
    return route.credential.trusted and bool(route.credential.id)


def _asked(request: TokenRequest, *, trusted: bool) -> Token:
    if not trusted:
        _checked(request.url)
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    sent = UpstreamRequest("POST", request.url, {**headers, "user-agent": "dragoman"}, request.body, trusted=trusted)
    with closing(transport.send(sent, DEADLINES)) as exchange:
        while (head := exchange.head()) is None:
            pass
        return read_answer(head.status, exchange.body())


def _checked(url: str) -> None:
    try:
        outbound.check_url(url)
    except outbound.AddressRefused as refused:
        raise UpstreamError(f"The token endpoint: {refused}", code="provider_auth", retryable=True) from None
