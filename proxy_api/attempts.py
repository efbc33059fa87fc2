"""The attempts of one call: each route in turn, until one answers or a failure is final.

Generators of pieces for the client: bytes, or None for a silence. Nest them with contextlib.closing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache, partial

import orjson
from django.conf import settings

from proxy_api import framing, relay, transport, vault
from proxy_api.access_tokens import authorized
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects import Dialect
from proxy_api.dialects.foreign import betas_in
from proxy_api.errors import BadRequest, GatewayError, UpstreamError
from proxy_api.flight import Call, Flight
from proxy_api.media import with_media
from proxy_api.providers import Asked, hide_key, prepare, requested
from proxy_api.routing import MAX_ATTEMPTS
from proxy_api.transport import Deadlines, Exchange
from proxy_api.upstream import Route, UpstreamRequest

SUCCESS = 200
# How an answer ends that had begun. Any other failure before its first event is the provider's own word for an error.
UNFINISHED = frozenset(
    {"incomplete", "timeout_idle", "timeout_total", "client_disconnect", "client_timeout", "shutdown"}
)
# The media types of answers: JSON, events, Ollama's and Cohere's lines, Bedrock's frames. Others are not kept.
ANSWERS = frozenset(
    {"application/json", "text/event-stream", "application/x-ndjson", "application/stream+json"}
    | {"application/vnd.amazon.eventstream"}
)
REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "cf-ray")  # first that is there


Receive = Callable[[Flight, Exchange], Iterator[bytes | None]]


def attempts(flight: Flight, receive: Receive) -> Generator[bytes | None]:
    """Each route in turn until one answers. Once an event has come, a failure is final: it may have been billed."""
    routes = flight.plan.routes[:MAX_ATTEMPTS]
    for number, route in enumerate(routes, start=1):
        flight.record.attempt(route, number, time.monotonic())
        try:
            route = authorized(route)
            yield from attempt(flight, route, receive)
            return
        except GatewayError as error:
            hide_key(route, error)
            if (named := flight.call.endpoint.named) is not None and error.param is not None:
                error.param = named(error.param)
            if flight.started or not error.retryable or number == len(routes):
                raise


def attempt(flight: Flight, route: Route, receive: Receive) -> Iterator[bytes | None]:
    """One try of one route: written, sent, received, judged."""
    call = flight.call
    keeping = relay.Keeping(flight.keep, int(call.now), f"chatcmpl-{call.id}")
    way = flight.way = call.endpoint.way(route, call.body, keeping)
    yield from way.complete(partial(completed, flight, route))
    request = request_for(call, route, way)
    flight.record.entry.dropped = [f"{loss.param}: {loss.reason}" for loss in way.losses]
    if way.losses and call.strict:
        raise unsayable(way.losses[0])
    with closing(transport.send(request, deadlines(), flight.watch)) as exchange:
        flight.record.owed = not call.endpoint.free
        while (head := exchange.head()) is None:
            yield None
        flight.record.entry.upstream_request_id = upstream_id(head.headers)
        if head.status != SUCCESS:
            flight.record.owed = False
            raise refusal(way, head, exchange, call.identity.kind == "provider_key")
        flight.typed = head.headers.get("content-type", "").partition(";")[0].strip().lower() in ANSWERS
        try:
            yield from receive(flight, exchange)
        except GatewayError as error:
            flight.record.owed &= flight.started or error.outcome in UNFINISHED
            raise


def request_for(call: Call, route: Route, way: relay.Way) -> UpstreamRequest:
    """Where the endpoint says so, to a path of its own; else to the one of the route's dialect. Losses are told in the
    client's words."""
    body = way.request()
    if (named := call.endpoint.named) is not None:
        way.losses = tuple(replace(loss, param=named(loss.param)) for loss in way.losses)
    headers = {**call.headers, **way.headers} if way.headers else call.headers
    if call.endpoint.path is None:
        return prepare(route, body, headers, stream=call.stream, now=call.now)
    accept = framing.accept(call.stream)
    asked = Asked(call.endpoint.path(route), accept=accept, stream=call.stream, now=call.now)
    return requested(route, asked, body, headers)


def completed(flight: Flight, route: Route, asked: ChatRequest, dialect: Dialect) -> Generator[None, None, ChatRequest]:
    """What a request needs beside the body's words before it can be said in another language."""
    betas = betas_in(flight.call.headers)
    return with_media(
        vault.recalled(replace(asked, betas=betas) if betas else asked, flight.owner(route)),
        wants_bytes=dialect.wants_bytes,
        any_base64=dialect.any_base64,
        kept=flight.media,
        watch=flight.watch,
    )


def unsayable(loss: Loss) -> BadRequest:
    return BadRequest(
        f"{loss.param}: {loss.reason} (x-dragoman-strict)", param=loss.param, code="unsupported_parameter"
    )


def refusal(way: relay.Way, head: transport.Head, exchange: Exchange, own_key: bool) -> GatewayError:
    """The provider's own error, in our words; informational, empty and redirecting answers are none at all."""
    if head.status < 400:
        return UpstreamError(f"The provider answered with status {head.status}.")
    return way.read_error(head.status, head.headers, exchange.body(), own_key=own_key)


def received_plain(flight: Flight, exchange: Exchange) -> Iterator[bytes | None]:
    assert flight.way is not None
    answer = exchange.body()
    flight.record.first_byte(time.monotonic())
    yield flight.way.plain(answer)


def received_stream(flight: Flight, exchange: Exchange) -> Iterator[bytes | None]:
    """Frames as they come. A provider that answers JSON to a stream request has its answer replayed as a stream."""
    assert flight.way is not None
    head = exchange.head()
    kind = head.headers.get("content-type", "") if head is not None else ""
    if kind.startswith("application/json"):
        yield replayed(flight, exchange.body())
        return
    if kind.startswith("text/html"):
        raise UpstreamError("The provider answered with a page.")
    for piece in flight.way.stream(exchange.pieces()):
        if not flight.started and piece is not None and not piece.startswith(b":"):  # a comment is no event
            flight.started = True
            flight.record.first_byte(time.monotonic())
        yield piece
    exchange.finish()


def replayed(flight: Flight, answer: bytes) -> bytes:
    """A plain answer as frames, without its [DONE] (the gateway's to send)."""
    assert flight.way is not None
    body = orjson.loads(flight.way.plain(answer))
    flight.started = True
    flight.record.first_byte(time.monotonic())
    return flight.call.endpoint.form.unfold(body, relay.usage_wanted(flight.call.body.value)).removesuffix(framing.DONE)


@cache
def deadlines() -> Deadlines:
    """The installation's deadlines; settings do not change while a process runs."""
    return Deadlines(
        connect=settings.DRAGOMAN_CONNECT_TIMEOUT,
        first_byte=settings.DRAGOMAN_FIRST_BYTE_TIMEOUT,
        idle=settings.DRAGOMAN_IDLE_TIMEOUT,
        total=settings.DRAGOMAN_TOTAL_TIMEOUT,
        ping=settings.DRAGOMAN_PING_INTERVAL,
    )


def upstream_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), "")[:200]
