"""Whether a call may be sent: its part of its caller's limits is reserved, or it is refused in OpenAI's words.

Only for callers who have limits; the rest never comes here. A hit neither: it costs nothing.
https://platform.openai.com/docs/guides/error-codes (429: rate_limit_exceeded, insufficient_quota)
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING

from cache_admin import prices, spool
from keys import limits
from keys.limits import Estimate, LimitReached, LimitsAway, Reservation
from keys.limits.subjects import NANO, Subject
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.estimate import Tokens, estimate
from proxy_api.flight import Call
from proxy_api.recording import Record
from proxy_api.upstream import Route

WORDLESS = frozenset({"embedding", "moderation"})  # kinds of models that answer without tokens
OUTCOME = "rate_limited"
NO_RETRY = {"x-should-retry": "false"}


def admitted(call: Call, routes: Sequence[Route], record: Record, tokens: Tokens | None = None) -> Sequence[Route]:
    """The routes that may be tried, with the call's part reserved on its record. tokens: where the request itself does
    not tell them. Raises GatewayError 429, 400 model_not_priced, 503 limits_unavailable."""
    identity = call.identity
    if tokens is None:
        names = [route.model for route in routes]
        tokens = estimate(call.body.value, names, writes=call.endpoint.kind not in WORDLESS)
    usd = None
    if in_money(identity.subjects) and tokens.total:
        routes, usd = priced(routes, tokens)
    record.reservation = reserved(call, Estimate(tokens.total, usd))
    record.headers.update(record.reservation.headers())
    return routes


def in_money(subjects: Sequence[Subject]) -> bool:
    return any(budget.unit == "usd" for subject in subjects for budget in subject.budgets)


def priced(routes: Sequence[Route], tokens: Tokens) -> tuple[Sequence[Route], int]:
    """The routes with a price, and what the dearest of them may cost, in nano-USD. Raises BadRequest for none."""
    costs = [(route, prices.cost(route.provider.name, route.model, tokens)) for route in routes]
    known = [(route, cost) for route, cost in costs if cost is not None]
    if not known:
        raise not_priced(routes[0])
    dearest = max(cost for _, cost in known)
    return [route for route, _ in known], int((dearest * NANO).to_integral_value(ROUND_CEILING))


def reserved(call: Call, asked: Estimate) -> Reservation:
    identity, instance = call.identity, spool.own().instance
    try:
        return limits.reserve(identity.subjects, instance, asked, call.now)
    except LimitReached as reached:
        raise refusal(reached) from None
    except LimitsAway:
        if not identity.fail_open:
            raise away() from None
        return limits.reserve_uncounted(identity.subjects, instance, asked, call.now)


def refusal(reached: LimitReached) -> GatewayError:
    kind, code = "rate_limit_error", "rate_limit_exceeded"
    if reached.why == "budget":
        kind = code = "insufficient_quota"
    headers = reached.headers | (NO_RETRY if reached.retry_ms is None else retry_after(reached.retry_ms))
    return GatewayError(reached.message, status=429, type=kind, code=code, outcome=OUTCOME, headers=headers)


def retry_after(milliseconds: int) -> dict[str, str]:
    """In whole seconds (RFC 9110, 10.2.3), and exactly, as OpenAI's clients read it first."""
    return {"retry-after": str(max(1, -(-milliseconds // 1000))), "retry-after-ms": str(milliseconds)}


def not_priced(route: Route) -> BadRequest:
    name = f"The model '{route.provider.name}/{route.model}'" if route.model else "A request that names no model"
    message = f"{name} has no price here, and this key has a budget in USD. The operator can add a price."
    return BadRequest(message, param="model", code="model_not_priced")


def away() -> GatewayError:
    message = "The limits of this key cannot be counted at the moment. Try again shortly."
    return GatewayError(message, status=503, code="limits_unavailable", headers={"retry-after": "1"})
