"""A neutral request written as Mistral's, from an explicit list: what is not on it is left out and reported.

https://docs.mistral.ai/api/endpoint/chat
"""

from __future__ import annotations

from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat, ToolChoice
from proxy_api.dialects.functions import write_tool
from proxy_api.dialects.mistral.messages_out import write_messages
from proxy_api.dialects.saying import chosen, given, marks, silent, unheard, wish

PASSED = (
    "frequency_penalty",
    "logprobs",
    "metadata",
    "presence_penalty",
    "prompt_cache_key",
    "top_logprobs",
)
# Fields that only Mistral has; a client that says them means them.
OWN = (
    "document_image_limit",
    "document_page_limit",
    "guardrails",
    "min_tokens",
    "prompt_logprobs",
    "prompt_mode",
    "random_seed",
    "repetition_penalty",
    "safe_prompt",
    "top_prompt_logprobs",
)
_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_WORDS = {"auto": "auto", "none": "none", "required": "any"}
_SAID = (
    *PASSED,
    *OWN,
    "prediction",
    "reasoning_budget",
    "reasoning_effort",
    "reasoning_enabled",
    "service_tier",
)


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: audio answers, a part that Mistral has not."""
    silent(request)
    losses = list(marks(request))
    messages = write_messages(request, losses)
    body = {
        "model": request.model,
        "messages": messages,
        **_tuning(request),
        **_tools(chosen(request)),
        **given({"reasoning_effort": _effort(request, losses), "service_tier": _tier(request, losses)}),
        **{name: request.extra[name] for name in OWN if name in request.extra},
    }
    if request.stream:
        body["stream"] = True
    losses += unheard(request, _SAID)
    return body, tuple(losses)


def _tuning(request: ChatRequest) -> dict[str, Any]:
    fields = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "random_seed": request.seed,
        "n": request.n,
        "response_format": _response_format(request.response_format),
        "prediction": _prediction(request.knobs.get("prediction")),
    }
    return given(fields) | {name: request.knobs[name] for name in PASSED if name in request.knobs}


def _tools(request: ChatRequest) -> dict[str, Any]:
    """A legacy function call has room for one call only."""
    if not request.tools:
        return {}
    fields = {
        "tools": [write_tool(tool, strict=True) for tool in request.tools],
        "tool_choice": _choice(request.tool_choice),
        "parallel_tool_calls": False if request.legacy_functions else request.parallel_tool_calls,
    }
    return given(fields)


def _choice(choice: ToolChoice | None) -> Any:
    if choice is None:
        return None
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.names[0]}}
    return _WORDS[choice.mode]


def _response_format(form: ResponseFormat | None) -> dict[str, Any] | None:
    if form is None or form.type == "json_object":
        return {"type": "json_object"} if form else None
    fields = {
        "name": form.name or "response",
        "description": form.description,
        "schema": form.schema or {"type": "object"},
        "strict": form.strict,
    }
    return {"type": "json_schema", "json_schema": given(fields)}


def _prediction(said: Any) -> Any:
    """OpenAI's content may be a list of texts, Mistral's is a string."""
    if not isinstance(said, dict) or not isinstance(said.get("content"), list):
        return said
    return said | {"content": "".join(part.get("text") or "" for part in said["content"])}


def _effort(request: ChatRequest, losses: list[Loss]) -> str | None:
    """https://docs.mistral.ai/capabilities/reasoning : levels; thinking that is merely switched on is `high`."""
    wanted = wish(request)
    if wanted.budget is not None:
        losses.append(Loss("reasoning_budget", "Mistral has levels and no budgets"))
    return wanted.effort or ("high" if wanted.param else None)


def _tier(request: ChatRequest, losses: list[Loss]) -> str | None:
    asked = request.knobs.get("service_tier")
    if asked is not None and asked not in _TIERS:
        losses.append(Loss("service_tier", f"Mistral has no tier {asked}"))
    return _TIERS.get(asked) if asked else None
