"""A neutral request written as Gemini's, from an explicit list: what is not on it is left out and reported.

https://ai.google.dev/api/generate-content#request-body
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.google.messages_out import Draft, write_messages
from proxy_api.dialects.google.tools_out import plan_tools, spelled_anew
from proxy_api.dialects.google.tuning_out import tune

_SAID = frozenset(
    {
        "frequency_penalty",
        "logprobs",
        "modalities",
        "presence_penalty",
        "reasoning_budget",
        "reasoning_effort",
        "reasoning_enabled",
        "top_logprobs",
    }
)


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """The model and whether it streams stand in the address. Raises BadRequest for a part that Gemini has not."""
    spelled = spelled_anew(request)
    draft = Draft(facts, spelled)
    write_messages(request.messages, draft)
    plan, tuning = plan_tools(request, facts, spelled), tune(request, facts)
    if plan.system:
        draft.system.append({"text": plan.system})
    fields = {
        "systemInstruction": {"parts": draft.system} if draft.system else None,
        "contents": draft.contents,
        **plan.fields,
        "generationConfig": tuning.config | plan.config or None,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    return body, (*draft.losses, *plan.losses, *tuning.losses, *_unsaid(request))


def _unsaid(request: ChatRequest) -> Iterator[Loss]:
    """Everything else: known to OpenAI but not to Gemini, or known to nobody here."""
    for name in request.knobs:
        if name not in _SAID:
            yield Loss(name, "unknown to Gemini")
    for name in request.extra:
        yield Loss(name, "unknown field")
