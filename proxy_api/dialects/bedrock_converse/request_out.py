"""A neutral request written as Converse's, from an explicit list: what is not on it is left out and reported.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
The model and whether it streams stand in the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.bedrock_converse.call_ids import CallIds
from proxy_api.dialects.bedrock_converse.hosted import Hosted, hosted
from proxy_api.dialects.bedrock_converse.messages_out import Draft, write_messages
from proxy_api.dialects.bedrock_converse.tools_out import Able, plan_tools
from proxy_api.dialects.bedrock_converse.tuning_out import tune_converse
from proxy_api.dialects.saying import silent, single
from proxy_api.errors import BadRequest

# https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html ; auto is Bedrock's own default.
_TIERS = ("default", "flex", "priority", "reserved")
_SAID = frozenset({"metadata", "reasoning_budget", "reasoning_effort", "reasoning_enabled", "service_tier"})
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_METADATA_LIMIT = 16


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: n above 1, audio out, a part that Bedrock has not."""
    _refuse(request)
    family = hosted(request.model)
    plan = plan_tools(request, Able(family, facts))
    draft = _draft(request, facts, family)
    body: dict[str, Any] = {"messages": write_messages(request.messages, draft)}
    if plan.system:
        draft.system.append({"text": plan.system})
    tuning = tune_converse(request, facts, family, plan.forced)
    losses = [*draft.losses, *plan.losses, *tuning.losses]
    fields = {
        "system": draft.system,
        "inferenceConfig": tuning.inference,
        **plan.fields,
        "additionalModelRequestFields": tuning.additional,
        "serviceTier": _tier(request, losses),
        "requestMetadata": _metadata(request, losses),
    }
    losses += _unsaid(request, tuning.additional)
    return body | {name: value for name, value in fields.items() if value}, tuple(losses)


def _draft(request: ChatRequest, facts: ModelFacts, family: Hosted) -> Draft:
    thinks = family.reasoning != "claude" or facts.thinking != "none"
    return Draft(family, CallIds(family.short_ids), thinks)


def _refuse(request: ChatRequest) -> None:
    single(request)
    silent(request)
    if request.native_tools:
        place, _ = request.native_tools[0]
        raise BadRequest("This provider has only functions", param=f"tools[{place}].type", code="unsupported_value")


def _tier(request: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    asked = request.knobs.get("service_tier")
    if asked in (None, "auto"):
        return {}
    if asked not in _TIERS:
        losses.append(Loss("service_tier", f"Bedrock has no tier {asked}"))
        return {}
    return {"type": asked}


def _metadata(request: ChatRequest, losses: list[Loss]) -> dict[str, str]:
    """At most 16 pairs of at most 256 characters; what does not fit is left out by name."""
    told: dict[str, str] = {}
    for name, value in (request.knobs.get("metadata") or {}).items():
        fits = isinstance(value, str) and _METADATA.fullmatch(value) and name and _METADATA.fullmatch(name)
        if fits and len(told) < _METADATA_LIMIT:
            told[name] = value
        else:
            losses.append(Loss("metadata", "a pair that Bedrock does not take"))
    return told


def _unsaid(request: ChatRequest, additional: Mapping[str, Any]) -> Iterator[Loss]:
    """Everything else: known to OpenAI but not to Bedrock, or known to nobody here. additional: the model's own fields,
    which a client may have said in the model's own words."""
    if request.seed is not None:
        yield Loss("seed", "Bedrock has no seed")
    if request.parallel_tool_calls is False and request.tools:
        yield Loss("parallel_tool_calls", "Bedrock cannot be told to call one tool at a time")
    for name in request.knobs:
        if name not in _SAID:
            yield Loss(name, "unknown to Bedrock")
    for name, value in request.extra.items():
        if additional.get(name) != value:
            yield Loss(name, "unknown field")
