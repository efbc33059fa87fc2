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
from typing import Any, assert_never

import orjson

from cache_admin import completions, ledger
from cache_admin.completions import Completion
from cache_admin.ledger import LedgerEntry
from cache_admin.spool import SpoolUnavailable
from keys import redis
from keys.ids import new_id
from keys.settled import settings
from proxy_api import caching, framing, refreshing, relay
from proxy_api.admission import admitted
from proxy_api.attempts import attempts, received_plain, received_stream
from proxy_api.errors import ClientGone, GatewayError, error_object
from proxy_api.flight import Call, Flight, Plan
from proxy_api.outgoing import answer_headers, hit_headers
from proxy_api.planning import planned
from proxy_api.recording import Marks, Record, client_fields
from proxy_api.routing import not_allowed
from proxy_api.transport import Watch

logger = logging.getLogger("dragoman.api")
NOTHING = Decimal(0)  # what a hit costs


@dataclass(slots=True)
class Answer:
    """What a view sends: JSON in `body`, or, where it is None, the frames. events: `body` is a whole stream of them.
    `headers` are all of ours."""

    headers: dict[str, str]
    body: bytes | None = None
    frames: Frames | None = None
    status: int = 200
    events: bool = False


def answer(call: Call, work: Callable[[Call, Record], Answer] | None = None) -> Answer:
    """Answer one call, by `work` where it is not the endpoint's own. Raises GatewayError while nothing has been sent;
    every outcome is on the ledger."""
    record = Record(new_entry(call), Marks(call.received), body=call.body.value)
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
    plan = begun(call, record)
    found = looked_up(call, plan)
    if found is None:
        return made(call, plan, record)
    use = caching.verdict(plan.policy, call.now - found.stored_at, found.ttl)
    match use:
        case "fresh":
            return hit(call, plan, record, found)
        case "stale":
            if not plan.policy.only_if_cached:
                refreshing.begin(plan.slot.name, partial(refreshed, call, found))
            return hit(call, plan, record, found, "revalidate")
        case "spare":
            return made(call, replace(plan, spare=found), record, stale=True)
        case "useless":
            return made(call, plan, record, stale=True)
    assert_never(use)


def made(call: Call, plan: Plan, record: Record, *, stale: bool = False) -> Answer:
    """A provider's answer, where one may be asked. stale: the cache has one that will not do."""
    rules, entry = plan.policy, record.entry
    if rules.only_if_cached:
        raise caching.not_cached()
    if not rules.read and rules.write:
        entry.cache_reason = "no-cache"
    elif rules.read:
        entry.cache_reason = "stale" if stale else "redis-away" if redis.away() else ""
    return miss(call, plan, record)


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


def begun(call: Call, record: Record) -> Plan:
    """The call's plan, on its record as well. Raises BadRequest and the routing errors."""
    plan = planned(call)
    rules, entry = plan.policy, record.entry
    entry.cache, entry.cache_reason = ("miss", "") if rules.involved else ("bypass", rules.bypass)
    record.headers["x-bt-cached"] = "MISS"
    return plan


def looked_up(call: Call, plan: Plan) -> Completion | None:
    """What is kept for this call, stale or not. Raises GatewayError 403 where a replay's key may not use its model."""
    if not (plan.policy.read or plan.policy.stale_if_error):
        return None
    found = completions.find(plan.slot, call.now, settings.DRAGOMAN_CACHE_GRACE)
    if found is not None and not plan.routes:
        check_model(call, found)
    return found


def check_model(call: Call, found: Completion) -> None:
    """Where there was no routing to do so, hold a kept answer's model against the key's."""
    asked = str(call.body.value["model"])
    if not call.identity.rights.may_use(found.provider, f"{found.provider}/{found.model}", found.model, asked):
        raise not_allowed(asked)


def refreshed(call: Call, found: Completion) -> None:
    """The call once more, for the cache alone, unless somebody has put a newer answer there than `found`: on the ledger
    as one of its own, and within its key's limits. Raises as answer()."""
    newest = completions.find(planned(call).slot, time.time())
    if newest is not None and newest.stored_at > found.stored_at:
        return
    headers = {**call.headers, "cache-control": "no-cache"}
    anew = replace(call, id=new_id(), headers=headers, received=time.monotonic(), now=time.time(), client=None)
    frames = answer(anew, refresh).frames
    if frames is not None:
        with closing(frames):
            list(frames)


def refresh(call: Call, record: Record) -> Answer:
    plan = begun(call, record)
    record.entry.cache_reason = "refresh"
    return miss(call, plan, record)


# -- a hit -------------------------------------------------------------------------------------------------------
def hit(call: Call, plan: Plan, record: Record, found: Completion, stale: str = "") -> Answer:
    """The stored answer in the form that is asked for, in one piece; it is on the ledger before it is sent. stale: why
    it is given although it is, "" where it is not."""
    entry = record.entry
    entry.cache, entry.cache_reason, entry.cache_digest = "hit", f"stale: {stale}" if stale else "", plan.slot.name
    entry.provider, entry.model_served, entry.credential = found.provider, found.model, found.endpoint_name
    entry.cost_usd, entry.dropped = entry.cost_usd or NOTHING, list(found.dropped)
    body = orjson.loads(found.answer)
    form = call.endpoint.form
    facts = relay.Facts(form.usage(body), list(form.judge(body).values()), model=body.get("model"), complete=True)
    if call.kept == "full":
        entry.request_body, entry.answer_body = call.body.raw, found.answer
    record.succeed(facts, time.monotonic())
    headers = hit_headers(record, found, call.now, stale)
    if not call.stream:
        return Answer(headers, body=found.answer)
    return Answer(headers, body=form.unfold(body, relay.usage_wanted(call.body.value)), events=True)


# -- a miss ------------------------------------------------------------------------------------------------------
def miss(call: Call, plan: Plan, record: Record) -> Answer:
    if call.identity.subjects:
        plan = replace(plan, routes=admitted(call, plan.routes, record))
    ledger.opened(record.entry)
    flight = Flight(call, plan, record, Watch(call.client) if call.client is not None else None)
    try:
        return streamed(flight) if call.stream else plain(flight)
    except GatewayError as error:
        if plan.spare is not None and is_providers(error):
            record.stand_in(error, flight.way.facts if flight.way else relay.Facts())
            return hit(call, plan, record, plan.spare, "error")
        flight.fail(error)
        raise


def is_providers(error: GatewayError) -> bool:
    """Whether a provider, or the way to it, has failed: RFC 5861, 4, and a provider that is asked too much."""
    return error.status >= 500 or error.status == 429


def plain(flight: Flight) -> Answer:
    try:
        with closing(attempts(flight, received_plain)) as pieces:
            body = b"".join(piece for piece in pieces if piece is not None)
        flight.look()
        flight.finish()
    finally:
        flight.release()
    return Answer(answer_headers(flight.record, flight.plan.policy), body=body)


def streamed(flight: Flight) -> Answer:
    """The first event, or the first silence, is in hand before a status is given: until then a failure is a status."""
    source = attempts(flight, received_stream)
    try:
        first = first_of(source, flight)
    except BaseException:
        flight.release()
        raise
    frames = Frames(relayed(flight, first, source), partial(abandoned, flight, source))
    return Answer(answer_headers(flight.record, flight.plan.policy), frames=frames)


def first_of(source: Iterator[bytes | None], flight: Flight) -> bytes | None:
    """The first piece, or silence; but where a stale answer can stand in, the first event, whatever it takes."""
    return next((piece for piece in source if flight.started or flight.plan.spare is None), None)


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
