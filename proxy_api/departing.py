"""How a call sets out for a provider: within its caller's limits, and on the ledger before any money is spent."""

from __future__ import annotations

from dataclasses import replace

from proxy_api.admission import admitted
from proxy_api.flight import Call, Flight, Plan
from proxy_api.recording import Record
from proxy_api.transport import Watching


def departed(call: Call, plan: Plan, record: Record, watch: Watching | None) -> Flight:
    """The call under way. Raises what admission.admitted does, and SpoolUnavailable."""
    if call.identity.subjects:
        plan = replace(plan, routes=admitted(call, plan.routes, record))
    record.open(plan.routes[0], billed=not call.endpoint.free)
    return Flight(call, plan, record, watch)
