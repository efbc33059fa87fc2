"""Sends what keys/outward/fetching.py asks for: through the providers' transport, never as the operator's word."""

from __future__ import annotations

from contextlib import closing

from keys.outward.fetching import FetchFailed, Request, Response
from proxy_api import transport
from proxy_api.errors import GatewayError
from proxy_api.transport import Deadlines
from proxy_api.upstream import UpstreamRequest

CONNECT_SECONDS = 3.0


def fetched(request: Request) -> Response:
    """A keys.outward.fetching.Sender."""
    seconds = request.seconds
    deadlines = Deadlines(min(CONNECT_SECONDS, seconds), seconds, seconds, seconds, seconds)
    sent = UpstreamRequest(request.method, request.url, request.headers, request.body)
    try:
        with closing(transport.send(sent, deadlines)) as exchange:
            while (head := exchange.head()) is None:
                pass
            return Response(head.status, exchange.body(request.most))
    except GatewayError as error:
        raise FetchFailed(error.message) from None
