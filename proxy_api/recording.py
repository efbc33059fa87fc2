"""One call's usage record while the call runs: who asked what, how it went, how long each part took.

The ledger is written twice: opened before any money is spent, closed once, whatever happened.
Clock readings come from the gateway (monotonic seconds); this module reads no clock.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from cache_admin import ledger, prices
from cache_admin.ledger import LedgerEntry
from cache_admin.spool import SpoolUnavailable
from keys.limits import Reservation
from keys.limits.subjects import NANO
from proxy_api.errors import GatewayError
from proxy_api.estimate import asked, presumed
from proxy_api.relay import Facts
from proxy_api.upstream import Route

TEXT_LIMIT = 1024
FREE = Decimal(0)  # what a call costs that a kept answer or somebody else's call has paid for
logger = logging.getLogger("dragoman.api")


@dataclass(slots=True)
class Marks:
    """Monotonic seconds: the request's arrival, the current attempt's start, its first and its last byte."""

    received: float
    called: float | None = None
    first: float | None = None
    done: float | None = None


@dataclass(slots=True)
class Record:
    """The usage record and its marks, and what the call holds of its caller's limits. headers: for the answer, whatever
    it is. body: what was asked. owed: it is with a provider, who may bill it and has not refused it.
    Invariant: closed at most once."""

    entry: LedgerEntry
    marks: Marks
    route: Route | None = None
    closed: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    reservation: Reservation | None = None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    owed: bool = False

    def open(self, route: Route, *, billed: bool) -> None:
        """On the ledger before any money is spent, with what `route` bills for the request if it does: that stays where
        this process does not live to close it. Raises cache_admin.spool.SpoolUnavailable."""
        entry = self.entry
        entry.provider, entry.model_served, entry.credential = route.provider.name, route.model, route.credential.name
        entry.input_tokens = (asked(self.body) or None) if billed else None
        entry.estimated = entry.input_tokens is not None
        try:
            ledger.opened(entry)
        finally:
            entry.provider = entry.model_served = entry.credential = ""
            entry.input_tokens, entry.estimated = None, False

    def attempt(self, route: Route, number: int, clock: float) -> None:
        """A route is tried: from here on the record names it."""
        self.route, self.owed = route, False
        self.entry.attempts = number
        self.entry.provider, self.entry.model_served = route.provider.name, route.model
        self.entry.credential = route.credential.name
        self.marks.called, self.marks.first = clock, None

    def first_byte(self, clock: float) -> None:
        if self.marks.first is None:
            self.marks.first = clock
            self.entry.ttft_ms = milliseconds(clock - self.marks.received)

    def succeed(self, facts: Facts, clock: float, ahead: bytes = b"", parted: GatewayError | None = None) -> None:
        """A complete answer; raises cache_admin.spool.SpoolUnavailable where it cannot be written down.
        ahead: see ledger.closed; parted: this call's own client did not wait for it."""
        self.note(facts)
        self.entry.status, self.entry.http_status = "ok", self.entry.http_status or 200
        if parted is not None:
            self.name(parted)
        self.close(clock, ahead)

    def fail(self, error: GatewayError, clock: float, facts: Facts | None = None) -> None:
        """The call ended with `error`; what was used so far is kept, and estimated where it is owed. Never raises: the
        client's own error is worth more to it than the news that nobody could write it down."""
        if self.closed:
            return
        self.note(facts or Facts())
        self.name(error)
        try:
            self.close(clock)
        except SpoolUnavailable as unavailable:
            logger.error("the record of the failed call %s is lost: %s", self.entry.id, unavailable)

    def name(self, error: GatewayError) -> None:
        self.entry.status, self.entry.http_status = error.outcome, error.status
        self.entry.error_code, self.entry.error_message = error.code or error.type, error.message[:TEXT_LIMIT]

    def stand_in(self, error: GatewayError, facts: Facts, clock: float, failed: str) -> None:
        """The provider failed, and a kept answer stands in for its own: from here on this is a hit's record. What was
        sent in vain, and what the provider may bill for it, is on the ledger as a call of its own with the id `failed`,
        and counts against the caller's limits."""
        entry = self.entry
        if entry.attempts:
            sent = replace(entry, id=failed, cache_reason="stale-if-error")
            replace(self, entry=sent).fail(error, clock, facts)
        else:
            self.settle()
        self.route, self.owed, self.reservation = None, False, None
        entry.attempts, entry.upstream_request_id = 0, ""
        entry.error_code, entry.error_message = error.code or error.type, error.message[:TEXT_LIMIT]

    def note(self, facts: Facts) -> None:
        entry, usage = self.entry, facts.usage
        if isinstance(facts.model, str) and facts.model:  # relayed bytes may say anything
            entry.model_served = facts.model
        entry.finish_reason = ",".join(facts.finish_reasons)
        entry.native_finish_reason = facts.native_finish_reason or ""
        if self.owed and not facts.told:
            usage, entry.estimated = presumed(self.body, usage, facts.written), True
        if usage is None:
            return
        entry.input_tokens, entry.output_tokens = usage.input_tokens, usage.output_tokens
        entry.cached_tokens, entry.cache_write_tokens = usage.cached_tokens, usage.cache_write_tokens
        entry.reasoning_tokens = usage.reasoning_tokens
        if self.route is not None:
            entry.cost_usd = prices.cost(self.route.provider.name, self.route.model, usage)

    def close(self, clock: float, ahead: bytes = b"") -> None:
        self.closed = True
        if self.reservation is not None:
            self.settle()
        self.entry.total_ms = milliseconds(clock - self.marks.received)
        self.entry.overhead_ms = milliseconds(overhead(self.marks, clock))
        ledger.closed(self.entry, ahead)

    def settle(self) -> None:
        """What was used replaces what the caller's limits held back for the call: as the ledger counts it, nothing
        where nobody said. Idempotent."""
        if self.reservation is not None:
            entry = self.entry
            tokens = (entry.input_tokens or 0) + (entry.output_tokens or 0)
            self.reservation.settle(tokens, int((entry.cost_usd or 0) * NANO), requests=1 if entry.attempts else 0)


def overhead(marks: Marks, clock: float) -> float:
    """Seconds of ours: before the provider was called and after its last byte; all of it where none was called."""
    if marks.called is None:
        return clock - marks.received
    return (marks.called - marks.received) + (clock - (marks.done or clock))


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def client_fields(headers: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """What the client says of itself, for the record alone: its user, metadata, request id and retry count. body: one
    that nobody has checked yet, or nobody will."""
    retries = headers.get("x-stainless-retry-count", "0")
    user, metadata = body.get("user"), body.get("metadata")
    return {
        "user": user[:TEXT_LIMIT] if isinstance(user, str) else "",
        "metadata": metadata if isinstance(metadata, dict) else {},
        "client_request_id": (headers.get("x-client-request-id") or headers.get("x-request-id") or "")[:200],
        "client_retries": int(retries) if retries.isascii() and retries.isdigit() and len(retries) < 4 else 0,
    }
