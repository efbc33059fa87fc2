"""A neutral request written for Responses: what it has no word for is left out and reported.

https://developers.openai.com/api/reference/resources/responses/methods/create
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api import kept_turns
from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.openai_responses.facts import reasoner
from proxy_api.dialects.openai_responses.items_out import Draft, write_items
from proxy_api.dialects.openai_responses.response import NAME
from proxy_api.dialects.openai_responses.tools_out import text_fields, tool_fields
from proxy_api.dialects.openai_responses.tuning_out import tune
from proxy_api.dialects.saying import silent, single

# The same word with the same meaning in both of OpenAI's languages.
SAME = (
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "user",
)
_SAID = frozenset(
    {
        *SAME,
        "logprobs",
        "modalities",
        "reasoning_budget",
        "reasoning_effort",
        "reasoning_enabled",
        "store",
        "top_logprobs",
        "verbosity",
        "web_search_options",
    }
)
# Responses' own words, taken from clients of OpenAI chat too; `include` and `reasoning` are merged by tune().
_OWN = (*kept_turns.NAMES, "max_tool_calls", "truncation")
_MERGED = {"include": list, "reasoning": dict}


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: n above 1, audio, a part that Responses has not.
    `store` is false unless it was asked for: Responses' own default is to keep every answer."""
    single(request)
    silent(request)
    draft = Draft(reasoner(request.model).reasons is not False, bool(request.knobs.get("store")))
    write_items(request.messages, draft)
    tuning = tune(request)
    losses = [*draft.losses, *tuning.losses]
    body: dict[str, Any] = {"model": request.model, "input": draft.items, **tuning.fields}
    body |= tool_fields(request, losses) | text_fields(request)
    body |= {name: request.knobs[name] for name in SAME if name in request.knobs}
    body["store"] = bool(request.knobs.get("store"))
    if request.stream:
        body["stream"] = True
    given = request.extra if request.dialect == NAME else {n: request.extra[n] for n in _OWN if n in request.extra}
    body |= {name: value for name, value in given.items() if name not in _MERGED}
    return body, (*losses, *_unsaid(request))


def _unsaid(request: ChatRequest) -> Iterator[Loss]:
    """Known to OpenAI chat but not to Responses, or known to nobody here."""
    for name, given in (("stop", request.stop), ("seed", request.seed), ("top_k", request.top_k)):
        if given not in (None, ()):
            yield Loss(name, "unknown to Responses")
    if set(request.knobs.get("modalities") or ()) - {"text"}:
        yield Loss("modalities", "Responses answers in text")
    for name in request.knobs:
        if name not in _SAID:
            yield Loss(name, "unknown to Responses")
    if request.dialect == NAME:
        return
    for name, value in request.extra.items():
        merged = isinstance(value, _MERGED.get(name, ()))
        if name not in _OWN and not merged:
            yield Loss(name, "unknown field")
