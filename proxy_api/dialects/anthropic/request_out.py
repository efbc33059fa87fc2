"""A neutral request written as Anthropic's, from an explicit list: what is not on it is left out and reported.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.anthropic.messages_out import Draft, write_messages
from proxy_api.dialects.anthropic.native import FIELDS
from proxy_api.dialects.anthropic.tools_out import Plan, plan_tools
from proxy_api.dialects.anthropic.tuning_out import tune, wants_thinking
from proxy_api.dialects.saying import silent, single

_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_SAID = frozenset(
    {"reasoning_budget", "reasoning_effort", "reasoning_enabled", "safety_identifier", "service_tier", "user"}
)
_USER_ID_LIMIT = 256


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: n above 1, audio, a part that Anthropic has not."""
    single(request)
    silent(request)
    draft = Draft(thinks=facts.thinking != "none")
    write_messages(request.messages, draft)
    plan = plan_tools(request, facts, wants_thinking(request, facts))
    tuning = tune(request, facts, plan.forced)
    losses = [*draft.losses, *plan.losses, *tuning.losses]
    body: dict[str, Any] = {"model": request.model, **tuning.fields, "messages": draft.turns, **plan.fields}
    if plan.system:
        draft.system.append({"type": "text", "text": plan.system})
    if draft.system:
        body["system"] = draft.system
    body |= _output_config(request, plan, tuning.effort) | _identity(request, losses) | _tier(request, losses)
    body |= {name: request.extra[name] for name in FIELDS if name in request.extra}
    if request.stream:
        body["stream"] = True
    losses += _unsaid(request)
    return body, tuple(losses)


def _output_config(request: ChatRequest, plan: Plan, effort: str | None) -> dict[str, Any]:
    """With what the client says in Anthropic's own words, where it says nothing else in OpenAI's."""
    native = request.extra.get("output_config")
    fields = {"format": plan.format, "effort": effort}
    said = (native if isinstance(native, dict) else {}) | {
        name: value for name, value in fields.items() if value is not None
    }
    return {"output_config": said} if said else {}


def _identity(request: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    """metadata.user_id takes one opaque id of at most 256 characters."""
    given = {name: request.knobs[name] for name in ("user", "safety_identifier") if request.knobs.get(name)}
    fitting = {name: value for name, value in given.items() if len(value) <= _USER_ID_LIMIT}
    chosen = next(iter(fitting), None)
    for name, value in given.items():
        if name not in fitting:
            losses.append(Loss(name, "longer than 256 characters"))
        elif value != given[chosen or name]:
            losses.append(Loss(name, "only one user id can be told"))
    return {"metadata": {"user_id": given[chosen]}} if chosen else {}


def _tier(request: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    asked = request.knobs.get("service_tier")
    if asked is None:
        return {}
    if asked not in _TIERS:
        losses.append(Loss("service_tier", f"Anthropic has no tier {asked}"))
        return {}
    return {"service_tier": _TIERS[asked]}


def _unsaid(request: ChatRequest) -> Iterator[Loss]:
    """Everything else: known to OpenAI but not to Anthropic, or known to nobody here."""
    if request.seed is not None:
        yield Loss("seed", "Anthropic has no seed")
    for name in request.knobs:
        if name not in _SAID:
            yield Loss(name, "unknown to Anthropic")
    for name in request.extra:
        if name not in (*FIELDS, "thinking", "output_config"):
            yield Loss(name, "unknown field")
