"""A neutral request written as Cohere's, from an explicit list: what is not on it is left out and reported.

https://docs.cohere.com/reference/chat
"""

from __future__ import annotations

from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.cohere.messages_out import Draft, write_messages
from proxy_api.dialects.cohere.tools_out import plan_tools
from proxy_api.dialects.cohere.tuning_out import tune
from proxy_api.dialects.saying import marks, silent, single, unheard

# Fields that only Cohere has; a client that says them means them.
OWN = ("citation_options", "documents", "priority", "safety_mode")
_SAID = (
    *OWN,
    "frequency_penalty",
    "logprobs",
    "presence_penalty",
    "reasoning_budget",
    "reasoning_effort",
    "reasoning_enabled",
)


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: n above 1, audio, a part that Cohere has not."""
    single(request)
    silent(request)
    draft = Draft(thinks=facts.thinking != "none", losses=list(marks(request)))
    messages = write_messages(request.messages, draft)
    fields, line = plan_tools(request, facts, draft.losses)
    if line:
        messages.insert(0, {"role": "system", "content": line})
    body = {
        "model": request.model,
        "messages": messages,
        **tune(request, facts, draft.losses),
        **fields,
        **{name: request.extra[name] for name in OWN if name in request.extra},
        "stream": request.stream,
    }
    draft.losses += unheard(request, _SAID)
    return body, tuple(draft.losses)
