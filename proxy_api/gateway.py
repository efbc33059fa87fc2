"""The orchestrator: look up, route, attempt, record. It knows no HTTP framework: a Call in, an Answer out.

Order (docs/architecture.md, "One request"): the route, the cache, `open` on the ledger, the attempts, `closed` on the
ledger, and only then the last bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import assert_never

import orjson

from cache_admin import completions
from cache_admin.completions import Completion
from cache_admin.ledger import LedgerEntry
from cache_admin.spool import SpoolUnavailable
from keys import redis
from keys.ids import new_id
from keys.settled import settings
from proxy_api import caching, refreshing, relay
from proxy_api.answers import Answer, Pieces, Side, facts_in, ledger_unavailable, plain, streamed, unforeseen
from proxy_api.attempts import attempts, received_plain, received_stream
from proxy_api.departing import departed
from proxy_api.errors import GatewayError
from proxy_api.flight import Call, Plan
from proxy_api.joining.listening import Listener
from proxy_api.outgoing import hit_headers
from proxy_api.planning import planned
from proxy_api.recording import FREE, Marks, Record, client_fields
from proxy_api.routing import is_granted, not_allowed
from proxy_api.transport import Watch


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
        entry.cache_reason = "stale" if stale else "redis-away" if redis.away() or redis.slow() else ""
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
    get = plan.lease.get if plan.lease is not None else None
    found = completions.find(plan.slot, call.now, settings.DRAGOMAN_CACHE_GRACE, get)
    if found is not None and not plan.routes:
        check_model(call, found)
    return found


def check_model(call: Call, found: Completion) -> None:
    """Where there was no routing to do so, hold a kept answer's model against the key's."""
    asked = str(call.body.value["model"])
    if not is_granted(call.identity, found.provider, found.model, asked):
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
    if plan.lease is not None:
        plan.lease.release()
    entry = record.entry
    entry.cache, entry.cache_reason, entry.cache_digest = "hit", f"stale: {stale}" if stale else "", plan.slot.name
    entry.provider, entry.model_served, entry.credential = found.provider, found.model, found.endpoint_name
    entry.cost_usd, entry.dropped = FREE, list(found.dropped)
    body = orjson.loads(found.answer)
    form = call.endpoint.form
    facts = facts_in(form, body)
    if call.kept == "full":
        entry.request_body, entry.answer_body = call.body.raw, found.answer
    record.succeed(facts, time.monotonic())
    headers = hit_headers(record, found, call.now, stale)
    if not call.stream:
        return Answer(headers, body=found.answer)
    return Answer(headers, body=form.unfold(body, relay.usage_wanted(call.body.value)), events=True)


# -- a miss ------------------------------------------------------------------------------------------------------
def miss(call: Call, plan: Plan, record: Record) -> Answer:
    side, source = joining(call, plan, record) if plan.policy.shares else alone(call, plan, record)
    try:
        return streamed(side, source) if call.stream else plain(side, source)
    except GatewayError as error:
        if plan.spare is not None and is_providers(error):
            record.stand_in(error, side.facts, time.monotonic(), new_id())
            return hit(call, plan, record, plan.spare, "error")
        side.fail(error)
        raise


def joining(call: Call, plan: Plan, record: Record) -> tuple[Side, Pieces]:
    """With everybody who asks the same."""
    listener = Listener(call, plan, record)
    return listener, listener.pieces()


def alone(call: Call, plan: Plan, record: Record) -> tuple[Side, Pieces]:
    flight = departed(call, plan, record, Watch(call.client) if call.client is not None else None)
    return flight, attempts(flight, received_stream if call.stream else received_plain)


def is_providers(error: GatewayError) -> bool:
    """Whether a provider, or the way to it, has failed: RFC 5861, 4, and a provider that is asked too much."""
    return error.status >= 500 or error.status == 429
