"""The orchestrator: look up, route, attempt, record. It knows no HTTP framework: a Call in, an Answer out.

Order (docs/architecture.md, "One request"): the route, the cache, `open` on the ledger, the attempts, `closed` on the
ledger, and only then the last bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from cache_admin import completions, ledger
from cache_admin.completions import Completion
from cache_admin.ledger import LedgerEntry
from cache_admin.sealed import Slot
from cache_admin.spool import SpoolUnavailable
from keys.pepper import pepper
from keys.settled import settings
from proxy_api import caching, framing, relay
from proxy_api.admission import admitted
from proxy_api.attempts import attempts, received_plain, received_stream
from proxy_api.body import canonical
from proxy_api.endpoints import serving
from proxy_api.errors import ClientGone, GatewayError, error_object
from proxy_api.flight import Call, Flight, Plan
from proxy_api.outgoing import answer_headers, hit_headers
from proxy_api.providers.address import address
from proxy_api.recording import Marks, Record, client_fields
from proxy_api.routing import first_configured, routes_for
from proxy_api.transport import Watch
from proxy_api.upstream import Route

logger = logging.getLogger("dragoman.api")
NOTHING = Decimal(0)  # what a hit costs


@dataclass(slots=True)
class Answer:
    """What a view sends: JSON in `body`, or, where it is None, the frames. `headers` are all of ours."""

    headers: dict[str, str]
    body: bytes | None = None
    frames: Frames | None = None
    status: int = 200


def answer(call: Call, work: Callable[[Call, Record], Answer] | None = None) -> Answer:
    """Answer one call, by `work` where it is not the endpoint's own. Raises GatewayError while nothing has been sent;
    every outcome is on the ledger."""
    record = Record(new_entry(call), Marks(call.received))
    try:
        return (work or found_or_made)(call, record)
    except GatewayError as error:
        record.fail(error, time.monotonic())
        error.headers = {**record.headers, **error.headers}
        raise
    except SpoolUnavailable:
        record.settle()
        raise ledger_unavailable() from None
    except Exception:
        record.fail(unforeseen(), time.monotonic())
        raise


def found_or_made(call: Call, record: Record) -> Answer:
    """The endpoint's answer: out of the cache, or from a provider."""
    plan = planned(call, record)
    found = cached(call, plan)
    return hit(call, plan, record, found) if found else miss(call, plan, record)


def refused(call: Call, error: GatewayError) -> None:
    """A known caller's request that is none, with what could be read of it: on the ledger, and no more than that."""
    Record(new_entry(call), Marks(call.received)).fail(error, time.monotonic())


def new_entry(call: Call) -> LedgerEntry:
    return LedgerEntry(
        id=call.id,
        at=call.now,
        key_id=call.identity.id,
        key_name=call.identity.name,
        project_id=call.identity.rights.project,
        project_name=call.identity.project_name,
        organization=call.selected.organization,
        temporary=call.identity.temporary,
        parent=call.selected.parent,
        endpoint=call.endpoint.name,
        model_asked=call.body.value.get("model", ""),
        stream=call.stream,
        **client_fields(call.headers, call.body.value if call.kept != "none" else {}),
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
    mode, endpoint = call.identity.cache_mode or "auto", call.endpoint
    rules = caching.policy(headers, value, mode, settings.DRAGOMAN_CACHE_TTL, endpoint.repeats)
    endpoint_name = headers.get("x-bt-endpoint-name")
    routes = serving(endpoint, routes_for(value["model"], call.identity, endpoint_name))
    record.entry.cache, record.entry.cache_reason = ("miss", "") if rules.involved else ("bypass", rules.bypass)
    record.headers["x-bt-cached"] = "MISS"
    digest = cache_key(call, first_configured(routes), endpoint_name) if rules.involved else b""
    return Plan(routes, rules, Slot(digest, call.identity.scope))


def cache_key(call: Call, route: Route, endpoint_name: str | None) -> bytes:
    """Bound to the first configured route's provider and address, never to its credential."""
    asked = (call.endpoint.name, route.provider.name, address(route), route.model)
    target = (*asked, endpoint_name or "", call.selected.organization)
    secret = pepper("cache digest")
    said = canonical(call.body.value) + "".join(sorted(call.body.literals)).encode()
    return caching.digest(secret, call.identity.scope, target, call.headers, said)


def cached(call: Call, plan: Plan) -> Completion | None:
    if not plan.policy.read:
        return None
    found = completions.find(plan.slot, call.now)
    return found if found and caching.fresh_enough(plan.policy, call.now - found.stored_at) else None


# -- a hit -------------------------------------------------------------------------------------------------------
def hit(call: Call, plan: Plan, record: Record, found: Completion) -> Answer:
    """The stored answer in the form that is asked for, in one piece; it is on the ledger before it is sent."""
    entry = record.entry
    entry.cache, entry.cache_digest = "hit", plan.slot.name
    entry.provider, entry.model_served, entry.credential = found.provider, found.model, found.endpoint_name
    entry.cost_usd = NOTHING
    body = orjson.loads(found.answer)
    form = call.endpoint.form
    facts = relay.Facts(form.usage(body), list(form.judge(body).values()), model=body.get("model"), complete=True)
    if call.kept == "full":
        entry.request_body, entry.answer_body = call.body.raw, found.answer
    record.succeed(facts, time.monotonic())
    headers = hit_headers(record, found, call.now)
    if not call.stream:
        return Answer(headers, body=found.answer)
    frames = iter([form.unfold(body, relay.usage_wanted(call.body.value))])
    return Answer(headers, frames=Frames(frames))


# -- a miss ------------------------------------------------------------------------------------------------------
def miss(call: Call, plan: Plan, record: Record) -> Answer:
    if call.identity.subjects:
        plan = replace(plan, routes=admitted(call, plan.routes, record))
    ledger.opened(record.entry)
    flight = Flight(call, plan, record, Watch(call.client) if call.client is not None else None)
    if call.stream:
        return streamed(flight)
    try:
        return plain(flight)
    finally:
        flight.release()


def plain(flight: Flight) -> Answer:
    with closing(attempts(flight, received_plain)) as pieces:
        body = b"".join(piece for piece in pieces if piece is not None)
    flight.look()
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
            flight.look()
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
        if last := flight.call.endpoint.form.last:
            yield last


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
