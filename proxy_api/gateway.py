"""The orchestrator: look up, route, attempt, record. It knows no HTTP framework: a Call in, an Answer out.

Order (docs/architecture.md, "One request"): the route, the cache, `open` on the ledger, the attempts, `closed` on the
ledger, and only then the last bytes.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import orjson
from django.conf import settings

from cache_admin import completions, ledger
from cache_admin.completions import Completion
from cache_admin.ledger import LedgerEntry
from cache_admin.spool import SpoolUnavailable
from keys.identity import Identity
from keys.pepper import pepper
from proxy_api import caching, framing, relay, transport
from proxy_api.body import Body, canonical
from proxy_api.caching import Policy
from proxy_api.dialects import openai_chat
from proxy_api.errors import ClientGone, GatewayError, UpstreamError, error_object
from proxy_api.outgoing import answer_headers, hit_headers
from proxy_api.providers import address, hide_key, prepare
from proxy_api.recording import Marks, Record, client_fields
from proxy_api.routing import Route, first_configured, routes_for
from proxy_api.transport import Deadlines, Exchange, Watch

logger = logging.getLogger("dragoman.api")
MAX_ATTEMPTS = 4
SUCCESS = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request, free of HTTP. received: monotonic seconds; now: Unix seconds; headers: names in lower case;
    client: the caller's socket, where the server shows it."""

    id: str
    endpoint: str
    identity: Identity
    body: Body
    headers: Mapping[str, str]
    received: float
    now: float
    client: socket.socket | None = None

    @property
    def stream(self) -> bool:
        return self.body.value.get("stream") is True


@dataclass(slots=True)
class Answer:
    """What a view sends: JSON in `body`, or, where it is None, the frames. `headers` are all of ours."""

    headers: dict[str, str]
    body: bytes | None = None
    frames: Frames | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided before the first attempt."""

    routes: Sequence[Route]
    policy: Policy
    digest: bytes


def chat(call: Call) -> Answer:
    """Answer one chat completion. Raises GatewayError while nothing has been sent; every outcome is on the ledger."""
    record = Record(new_entry(call), Marks(call.received))
    try:
        plan = planned(call, record)
        found = cached(call, plan)
        return hit(call, plan, record, found) if found else miss(call, plan, record)
    except GatewayError as error:
        record.fail(error, time.monotonic())
        error.headers = {**record.headers, **error.headers}
        raise
    except SpoolUnavailable:
        raise ledger_unavailable() from None
    except Exception:
        record.fail(unforeseen(), time.monotonic())
        raise


def refused(call: Call, error: GatewayError) -> None:
    """A known caller's request that is none, with what could be read of it: on the ledger, and no more than that."""
    Record(new_entry(call), Marks(call.received)).fail(error, time.monotonic())


def new_entry(call: Call) -> LedgerEntry:
    return LedgerEntry(
        id=call.id,
        at=call.now,
        key_id=call.identity.id,
        key_name=call.identity.name,
        endpoint=call.endpoint,
        model_asked=call.body.value.get("model", ""),
        stream=call.stream,
        **client_fields(call.headers, call.body.value),
    )


def ledger_unavailable() -> GatewayError:
    return GatewayError(
        "The usage log cannot be written, so nothing is sent to a provider.", status=503, code="usage_log_unavailable"
    )


def unforeseen() -> GatewayError:
    return GatewayError("The server had an error while processing your request.", code="internal_error")


def planned(call: Call, record: Record) -> Plan:
    """Routes, cache rule and cache key. Raises BadRequest and the routing errors."""
    headers, value = call.headers, call.body.value
    caching.stream_format(headers, call.stream)
    rules = caching.policy(headers, value, call.identity.cache_mode or "auto", settings.DRAGOMAN_CACHE_TTL)
    endpoint_name = headers.get("x-bt-endpoint-name")
    routes = routes_for(value["model"], call.identity, endpoint_name)
    record.entry.cache, record.entry.cache_reason = ("miss", "") if rules.involved else ("bypass", rules.bypass)
    record.headers["x-bt-cached"] = "MISS"
    return Plan(routes, rules, cache_key(call, first_configured(routes), endpoint_name) if rules.involved else b"")


def cache_key(call: Call, route: Route, endpoint_name: str | None) -> bytes:
    """Bound to the first configured route's provider and address, never to its credential."""
    target = (call.endpoint, route.provider.name, address(route), route.model, endpoint_name or "")
    secret = pepper("cache digest")
    said = canonical(call.body.value) + "".join(sorted(call.body.literals)).encode()
    return caching.digest(secret, call.identity.scope, target, call.headers, said)


def cached(call: Call, plan: Plan) -> Completion | None:
    if not plan.policy.read:
        return None
    found = completions.find(plan.digest, call.identity.scope, call.now)
    return found if found and caching.fresh_enough(plan.policy, call.now - found.stored_at) else None


# -- a hit -------------------------------------------------------------------------------------------------------
def hit(call: Call, plan: Plan, record: Record, found: Completion) -> Answer:
    """The stored answer in the form that is asked for, in one piece; it is on the ledger before it is sent."""
    entry = record.entry
    entry.cache, entry.cache_digest = "hit", plan.digest.hex()
    entry.provider, entry.model_served, entry.credential = found.provider, found.model, found.endpoint_name
    body = orjson.loads(found.answer)
    facts = relay.Facts(
        openai_chat.usage_of(body), list(openai_chat.judge(body).values()), model=body.get("model"), complete=True
    )
    clock = time.monotonic()
    record.succeed(facts, clock)
    headers = hit_headers(record, found, call.now)
    if not call.stream:
        return Answer(headers, body=found.answer)
    frames = iter([openai_chat.unfold(body, relay.usage_wanted(call.body.value))])
    return Answer(headers, frames=Frames(frames))


# -- a miss ------------------------------------------------------------------------------------------------------
def miss(call: Call, plan: Plan, record: Record) -> Answer:
    ledger.opened(record.entry)
    flight = Flight(call, plan, record, Watch(call.client) if call.client is not None else None)
    if call.stream:
        return streamed(flight)
    try:
        return plain(flight)
    finally:
        flight.release()


@dataclass(slots=True)
class Flight:
    """A call under way: its plan, its record, and the way of the route that is being tried."""

    call: Call
    plan: Plan
    record: Record
    watch: Watch | None
    way: relay.Way | None = None
    started: bool = False

    def release(self) -> None:
        """Let go of the client's socket. Idempotent."""
        if self.watch is not None:
            self.watch.close()

    def fail(self, error: GatewayError) -> None:
        self.record.fail(error, time.monotonic(), self.way.facts if self.way else None)

    def finish(self) -> bool:
        """The answer is complete: keep it where the rule says so, write the final record. True where it was stored."""
        assert self.way is not None
        clock = self.record.marks.done = time.monotonic()
        kept = self.plan.policy.write and store(self, self.way)
        self.record.entry.cache_digest = self.plan.digest.hex() if kept else ""
        if kept and not self.call.stream:
            self.record.entry.cache = "stored"
        self.record.succeed(self.way.facts, max(clock, time.monotonic()))
        return kept


def store(flight: Flight, way: relay.Way) -> bool:
    """Put a complete answer into the cache, sealed, under the caller's scope."""
    call, entry, route = flight.call, flight.record.entry, flight.record.route
    assert route is not None
    completion = Completion(
        answer=way.completion(),
        provider=route.provider.name,
        model=route.model,
        endpoint_name=route.credential.name,
        stored_at=time.time(),
        ttl=flight.plan.policy.ttl,
    )
    label = {
        "key_id": entry.key_id,
        "key_name": entry.key_name,
        "request_id": call.id,
        "model_asked": entry.model_asked,
    }
    return completions.store(flight.plan.digest, call.identity.scope, completion, call.body.raw, label)


def plain(flight: Flight) -> Answer:
    with closing(attempts(flight, received_plain)) as pieces:
        body = b"".join(piece for piece in pieces if piece is not None)
    flight.finish()
    return Answer(answer_headers(flight.record, flight.plan.policy), body=body)


def streamed(flight: Flight) -> Answer:
    """The first event, or the first silence, is in hand before a status is given: until then a failure is a status."""
    source = attempts(flight, received_stream)
    try:
        first = next(source, None)
    except BaseException:
        flight.release()
        raise
    frames = Frames(relayed(flight, first, source), partial(abandoned, flight, source))
    return Answer(answer_headers(flight.record, flight.plan.policy), frames=frames)


def abandoned(flight: Flight, source: Generator[bytes | None]) -> None:
    """The client left, perhaps before a single frame was read, when no generator's `finally` would run."""
    try:
        source.close()
        flight.fail(flight.watch.parting() if flight.watch else ClientGone("The client left."))
    finally:
        flight.release()


def relayed(flight: Flight, first: bytes | None, source: Generator[bytes | None]) -> Iterator[bytes]:
    """Frames to the client; on failure one error frame and no [DONE]; the final record before the last bytes."""
    with closing(source):
        try:
            yield framing.PING if first is None else first
            for piece in source:
                yield framing.PING if piece is None else piece
            flight.finish()
        except GatewayError as error:
            flight.fail(error)
            yield framing.sse(orjson.dumps(error_object(error)))
            return
        except SpoolUnavailable:
            yield framing.sse(orjson.dumps(error_object(ledger_unavailable())))
            return
        except Exception:
            logger.exception("unexpected failure in a stream")
            flight.fail(unforeseen())
            yield framing.sse(orjson.dumps(error_object(unforeseen())))
            return
        yield framing.DONE


Receive = Callable[[Flight, Exchange], Iterator[bytes | None]]


def attempts(flight: Flight, receive: Receive) -> Generator[bytes | None]:
    """Each route in turn until one answers. Once an event has come, a failure is final: it may have been billed."""
    routes = flight.plan.routes[:MAX_ATTEMPTS]
    for number, route in enumerate(routes, start=1):
        flight.record.attempt(route, number, time.monotonic())
        try:
            yield from attempt(flight, route, receive)
            return
        except GatewayError as error:
            hide_key(route, error)
            if flight.started or not error.retryable or number == len(routes):
                raise


def attempt(flight: Flight, route: Route, receive: Receive) -> Iterator[bytes | None]:
    """One try of one route: written, sent, received, judged."""
    call = flight.call
    way = flight.way = relay.way_for(route, call.body, keep=flight.plan.policy.write, now=int(call.now))
    request = prepare(route, way.request(), call.headers, stream=call.stream)
    flight.record.entry.dropped = [f"{loss.param}: {loss.reason}" for loss in way.losses]
    with closing(transport.send(request, deadlines(), flight.watch)) as exchange:
        while (head := exchange.head()) is None:
            yield None
        flight.record.entry.upstream_request_id = upstream_id(head.headers)
        if head.status != SUCCESS:
            raise refusal(way, head, exchange, call.identity.kind == "provider_key")
        yield from receive(flight, exchange)


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
    for piece in flight.way.stream(framing.frames(exchange.pieces())):
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
    return openai_chat.unfold(body, relay.usage_wanted(flight.call.body.value)).removesuffix(framing.DONE)


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
    return (headers.get("x-request-id") or headers.get("request-id") or "")[:200]


class Frames:
    """The frames of one answer. Unlike a bare generator its close() does its work even where nothing was ever read."""

    __slots__ = ("abandon", "frames", "read")

    def __init__(self, frames: Iterator[bytes], abandon: Callable[[], None] | None = None) -> None:
        self.frames, self.abandon, self.read = frames, abandon, False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.read = True
        return next(self.frames)

    def close(self) -> None:
        """Close the upstream; a call that had no final record gets one (the client left). Idempotent."""
        close: Any = getattr(self.frames, "close", None)
        if close is not None:
            close()
        if self.abandon is not None:
            self.abandon()
