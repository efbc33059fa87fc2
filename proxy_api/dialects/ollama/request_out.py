"""A neutral request written as Ollama's, from an explicit list: what is not on it is left out and reported.

https://docs.ollama.com/api/chat , https://docs.ollama.com/modelfile#valid-parameters-and-values (options),
https://docs.ollama.com/capabilities/thinking , https://docs.ollama.com/capabilities/structured-outputs
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat
from proxy_api.dialects.functions import write_tool
from proxy_api.dialects.ollama.messages_out import Draft, write_messages
from proxy_api.dialects.saying import chosen, described, given, marks, silent, single, unheard, wish

# Fields that only Ollama has; a client that says them means them.
OWN = ("keep_alive", "shift", "truncate")
_SAID = (
    *OWN,
    "options",
    "frequency_penalty",
    "logprobs",
    "presence_penalty",
    "reasoning_budget",
    "reasoning_effort",
    "reasoning_enabled",
    "top_logprobs",
)
_LEVELS = ("low", "medium", "high")


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest where the request cannot be carried out: n above 1, audio, a part that Ollama has not."""
    single(request)
    silent(request)
    draft = Draft(losses=list(marks(request)))
    fields = {
        "format": _format(request.response_format),
        "options": _options(request) or None,
        "think": _think(request, draft.losses),
        "logprobs": request.knobs.get("logprobs"),
        "top_logprobs": request.knobs.get("top_logprobs"),
        "tools": _tools(request, draft.losses) or None,
        **{name: request.extra.get(name) for name in OWN},
    }
    body = {
        "model": request.model,
        "messages": write_messages(request.messages, draft),
        "stream": request.stream,  # a stream unless it is told otherwise
        **given(fields),
    }
    draft.losses += unheard(request, _SAID)
    return body, tuple(draft.losses)


def _options(request: ChatRequest) -> dict[str, Any]:
    """The client's own `options` are Ollama's too, but OpenAI's names win."""
    own = request.extra.get("options")
    fields = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "frequency_penalty": request.knobs.get("frequency_penalty"),
        "presence_penalty": request.knobs.get("presence_penalty"),
    }
    return (own if isinstance(own, dict) else {}) | given(fields)


def _format(form: ResponseFormat | None) -> Any:
    if form is None:
        return None
    return described(form) if form.type == "json_schema" and form.schema else "json"


def _think(request: ChatRequest, losses: list[Loss]) -> bool | str | None:
    wanted = wish(request)
    if wanted.param is None or wanted.effort == "none":
        return None if wanted.param is None else False
    if wanted.budget is not None:
        losses.append(Loss("reasoning_budget", "Ollama has levels and no budgets"))
    if wanted.effort is None:
        return True
    level = wanted.effort if wanted.effort in _LEVELS else "low" if wanted.effort == "minimal" else "high"
    if level != wanted.effort:
        losses.append(Loss("reasoning_effort", f"{wanted.effort} became {level}"))
    return level


def _tools(request: ChatRequest, losses: list[Loss]) -> list[dict[str, Any]]:
    """Ollama knows no choice: tools that may not be called are left out, a named one is left alone."""
    left = chosen(request)
    choice, names = left.tool_choice, left.tool_choice.names if left.tool_choice else ()
    if choice is not None and choice.mode == "none":
        return []
    if names:
        left = replace(left, tools=tuple(tool for tool in left.tools if tool.name in names))
    field = "functions[{}]" if request.legacy_functions else "tools[{}].function"
    if choice is not None and choice.mode != "auto":
        losses.append(
            Loss("function_call" if request.legacy_functions else "tool_choice", "Ollama cannot be made to call a tool")
        )
    if left.tools and request.parallel_tool_calls is False:
        losses.append(Loss("parallel_tool_calls", "Ollama has no such switch"))
    losses += [
        Loss(f"{field.format(index)}.strict", "Ollama has no strict tools")
        for index, tool in enumerate(request.tools)
        if tool.strict
    ]
    return [write_tool(tool) for tool in left.tools]
