"""A call under way: what was asked, what was planned, what has come of it so far.

Invariant: finish() or fail() closes the usage record, whichever comes first, once.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cache_admin import completions, prices
from cache_admin.completions import Completion
from cache_admin.sealed import Slot
from cache_admin.thoughts import Owner
from keys.entrance.identity import Identity
from keys.settled import settings
from proxy_api import caching, relay, vault
from proxy_api.body import Body
from proxy_api.caching import Policy
from proxy_api.endpoints import Endpoint
from proxy_api.errors import ClientGone, GatewayError
from proxy_api.joining.lease import Lease
from proxy_api.media import Fetched
from proxy_api.recording import Record
from proxy_api.selectors import NOTHING, Selected
from proxy_api.transport import Watching
from proxy_api.upstream import Route

# What a cached completion's row and its call's usage record say alike.
LABELS = ("key_id", "key_name", "project_id", "project_name", "endpoint", "model_asked")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, free of HTTP. received: monotonic seconds; now: Unix seconds; headers: names in lower case;
    client: the caller's socket, where the server shows it; selected: for whom it is, as call and key say together."""

    id: str
    endpoint: Endpoint
    identity: Identity
    body: Body
    headers: Mapping[str, str]
    received: float
    now: float
    client: socket.socket | None = None
    selected: Selected = NOTHING

    @property
    def stream(self) -> bool:
        return self.body.value.get("stream") is True

    @property
    def kept(self) -> str:
        """What the ledger keeps of this call's content: none, metadata or full. Never full where nobody but the caller
        shall read it."""
        kept = self.identity.log_bodies or str(settings.DRAGOMAN_LOG_BODIES)
        return "metadata" if kept == "full" and self.identity.seal_to_caller else kept

    @property
    def strict(self) -> bool:
        """A parameter that would be left out or changed is refused instead."""
        return self.identity.strict or caching.asks_strictly(self.headers)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided before the first attempt. cassette: the slot is in a project's cassette; spare: a stale answer
    that is given where the provider fails before its own has begun."""

    routes: Sequence[Route]
    policy: Policy
    slot: Slot
    cassette: bool = False
    spare: Completion | None = None
    lease: Lease | None = None


@dataclass(slots=True)
class Flight:
    """A call under way: its plan, its record, and the way of the route that is being tried. media: what was fetched
    for it, by address, whichever attempt did; typed: the provider's answer is of a media type that answers have."""

    call: Call
    plan: Plan
    record: Record
    watch: Watching | None
    way: relay.Way | None = None
    started: bool = False
    typed: bool = False
    media: dict[str, Fetched] = field(default_factory=dict)
    _whole: bytes = b""

    def release(self) -> None:
        """Let go of the client's socket. Idempotent."""
        if self.watch is not None:
            self.watch.close()

    def look(self) -> None:
        """Whether the client is still there when a call ends that was too short to be watched. Raises ClientGone."""
        if self.watch is not None and self.watch.check():
            raise self.watch.parting()

    @property
    def keep(self) -> bool:
        """The finished answer is wanted whole: for the cache, or for a ledger that keeps everything."""
        return self.plan.policy.write or self.call.kept == "full"

    def owner(self, route: Route) -> Owner:
        """Whose the thoughts are that this route's model has."""
        identity = self.call.identity
        return Owner(identity.scope, route.provider.name, route.model, identity.caller_mark)

    @property
    def facts(self) -> relay.Facts:
        return self.way.facts if self.way else relay.Facts()

    def completion(self) -> bytes:
        """The finished answer, where it is kept. Made once: of a stream it is folded out of all its frames."""
        if not self._whole:
            assert self.way is not None
            self._whole = self.way.completion()
        return self._whole

    def fail(self, error: GatewayError) -> None:
        if self.call.kept == "full":
            self.record.entry.request_body = self.call.body.raw
        self.record.fail(error, time.monotonic(), self.facts)

    def finish(self, parted: ClientGone | None = None) -> bool:
        """The answer is complete: keep it where the rule says so, write the final record. True where it was stored.
        parted: the client left, and others have waited for the answer."""
        assert self.way is not None
        clock = self.record.marks.done = time.monotonic()
        kept = stored(self, self.way) if self.plan.policy.write and self.typed and self.way.facts.sound else b""
        self.record.entry.cache_digest = self.plan.slot.name if kept else ""
        if kept and not self.call.stream:
            self.record.entry.cache = "stored"
        if self.call.kept == "full":
            self.record.entry.request_body, self.record.entry.answer_body = self.call.body.raw, self.completion()
        turn, route = self.way.turn(), self.record.route
        if turn.answers and route is not None:
            vault.keep(turn.asked, turn.answers, self.owner(route))
        self.record.succeed(self.way.facts, max(clock, time.monotonic()), ahead=kept, parted=parted)
        return bool(kept)


def stored(flight: Flight, way: relay.Way) -> bytes:
    """Put a complete answer into the cache, sealed, in the call's slot. As completions.put."""
    plan, entry, route = flight.plan, flight.record.entry, flight.record.route
    assert route is not None
    completion = Completion(
        answer=flight.completion(),
        provider=route.provider.name,
        model=route.model,
        endpoint_name=route.credential.name,
        stored_at=time.time(),
        ttl=plan.policy.ttl,
        dropped=entry.dropped,
        headers=told_headers(flight.call),
    )
    return completions.put(plan.slot, completion, flight.call.body.raw, label(flight, way, route))


def label(flight: Flight, way: relay.Way, route: Route) -> dict[str, Any]:
    """What a completion's row says in the clear: whose call stored it, and what that call took, which is what a hit
    saves."""
    entry, usage = flight.record.entry, way.facts.usage
    return {
        **{name: getattr(entry, name) for name in LABELS},
        "request_id": entry.id,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_usd": prices.cost(route.provider.name, route.model, usage) if usage else None,
        "cassette": flight.plan.cassette,
    }


def told_headers(call: Call) -> dict[str, str]:
    """The call's headers that its answer depends on, as a caller would send them who has no key of that kind."""
    return caching.keyed_headers(call.headers) | ({caching.STRICT: "true"} if call.strict else {})
