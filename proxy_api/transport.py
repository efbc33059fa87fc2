"""The way to the providers: an own `requests` adapter, called with a PreparedRequest directly.

A Session costs 500 us a call, this way under 100. Invariants: no redirect is followed, no environment variable and no
.netrc is read, no certificate is taken unverified.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import requests  # noqa: TID251 - the one place

from keys.outward.outbound import AddressRefused, Resolver, read_url
from proxy_api.errors import UpstreamError
from proxy_api.transport_exchange import Deadlines, Exchange, Terms, in_flight, shut_down
from proxy_api.transport_pool import Origin, Pool
from proxy_api.transport_watch import Watch, Watching
from proxy_api.transport_wire import Head, request_head
from proxy_api.upstream import Upload, UpstreamRequest

__all__ = ("Deadlines", "Exchange", "Head", "ProviderAdapter", "Watch", "Watching", "in_flight", "send", "shut_down")


class ProviderAdapter(requests.adapters.BaseAdapter):
    """The transport behind `requests`' interface. exchange() is the way of the proxy; send() serves a Session.

    tls, resolve: whose certificates are believed and who resolves names (by default certifi and the system).
    """

    def __init__(self, tls: ssl.SSLContext | None = None, resolve: Resolver | None = None) -> None:
        super().__init__()
        self._pool = Pool(tls, resolve)

    def exchange(self, request: requests.PreparedRequest, terms: Terms) -> Exchange:
        """Write `request` (its body bytes, an Upload or None). Raises what Exchange.start raises."""
        try:
            url = read_url(request.url or "")
        except AddressRefused as error:
            raise UpstreamError(str(error), retryable=True) from None
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        if not isinstance(body, bytes | Upload):
            raise TypeError("a body must be bytes, text or an upload")
        length = body.length if isinstance(body, Upload) else len(body)
        head = request_head(request.method or "GET", url, request.headers.items(), length)
        exchange = Exchange(self._pool, terms)
        exchange.start(head, body, Origin(url, terms.trusted, terms.public))
        return exchange

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        *_more: object,
        **_named: object,
    ) -> requests.Response:
        """As a Session calls it. `timeout`: (connect, read) seconds. `verify` is not asked: certificates always are."""
        exchange = self.exchange(request, Terms(_deadlines_of(timeout)))
        try:
            while (head := exchange.head()) is None:
                pass
            return _response(request, head, exchange, stream)
        except BaseException:
            exchange.close()
            raise

    def close(self) -> None:
        self._pool.clear()


def _response(request: requests.PreparedRequest, head: Head, exchange: Exchange, stream: bool) -> requests.Response:
    response = requests.Response()
    response.status_code = head.status
    response.headers = requests.structures.CaseInsensitiveDict(head.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.url, response.request = request.url or "", request
    response.raw = _Raw(exchange)
    if not stream:
        _ = response.content  # read, and kept by the response
    return response


class _Raw:
    """What a Response reads from: the exchange, in the shape that `requests` asks for."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.close = self.release_conn = exchange.close

    def stream(self, _size: int, decode_content: bool = True) -> Iterator[bytes]:
        try:
            yield from filter(None, self._exchange.pieces())
        finally:
            self.close()


def _deadlines_of(timeout: float | tuple[float, float | None] | None) -> Deadlines:
    match timeout:
        case None:
            return Deadlines()
        case (connect_seconds, None):
            return Deadlines(connect=connect_seconds)
        case (connect_seconds, float() | int() as read):
            return Deadlines(connect=connect_seconds, first_byte=read, idle=read)
        case _:
            return Deadlines(connect=timeout, first_byte=timeout, idle=timeout)


_ADAPTER = ProviderAdapter()


def send(request: UpstreamRequest, deadlines: Deadlines, watch: Watching | None = None) -> Exchange:
    """Write `request` to its provider, over a pooled connection where one is alive.

    Raises UpstreamError (code upstream_tls for a certificate), UpstreamTimeout (outcome timeout_connect), all retryable
    because the request did not go out whole; ClientGone.
    """
    return _ADAPTER.exchange(_prepared(request), Terms(deadlines, watch, request.trusted, request.public))


def _prepared(request: UpstreamRequest) -> requests.PreparedRequest:
    """Filled by hand: prepare() would cost 60 us to find out what is known already."""
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url = request.method, request.url
    prepared.body = request.body  # type: ignore[assignment]  # exchange() knows an Upload
    # A plain dict is all that exchange() reads; requests' own costs 16 calls to fill and to walk.
    prepared.headers = {"user-agent": "dragoman", **request.headers}  # type: ignore[assignment]
    return prepared
