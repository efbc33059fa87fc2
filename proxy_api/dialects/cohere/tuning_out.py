"""Reasoning, sampling and limits written for Cohere, within what it takes.

https://docs.cohere.com/reference/chat (ranges), https://docs.cohere.com/docs/reasoning (on, off, or a token budget)
"""

from __future__ import annotations

from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.saying import given, wish

_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5}  # of the answer's room; from `high` on there is no limit
_ROOM = 8192  # tokens, where the client does not say how many
_MOST_STOPS = 5
_RANGES: dict[str, tuple[float, float]] = {
    "p": (0.01, 0.99),
    "k": (0, 500),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
}
_OPENAI_NAMES = {"p": "top_p", "k": "top_k"}


def tune(request: ChatRequest, facts: ModelFacts, losses: list[Loss]) -> dict[str, Any]:
    fields = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "p": request.top_p,
        "k": request.top_k,
        "seed": request.seed,
        "frequency_penalty": request.knobs.get("frequency_penalty"),
        "presence_penalty": request.knobs.get("presence_penalty"),
        "logprobs": request.knobs.get("logprobs"),
        "stop_sequences": list(request.stop[:_MOST_STOPS]) or None,
        "thinking": _thinking(request, facts, losses),
    }
    if len(request.stop) > _MOST_STOPS:
        losses.append(Loss("stop", f"only the first {_MOST_STOPS} were sent"))
    return {name: _within(name, value, losses) for name, value in given(fields).items()}


def _within(name: str, value: Any, losses: list[Loss]) -> Any:
    least, most = _RANGES.get(name, (value, value))
    fitting = min(most, max(least, value)) if name in _RANGES else value
    if fitting != value:
        losses.append(Loss(_OPENAI_NAMES.get(name, name), f"{value} became {fitting}"))
    return fitting


def _thinking(request: ChatRequest, facts: ModelFacts, losses: list[Loss]) -> dict[str, Any] | None:
    wanted = wish(request)
    if wanted.param is None:
        return None
    if facts.thinking == "none":
        if wanted.effort != "none":
            losses.append(Loss(wanted.param, "the model does not think"))
        return None
    if wanted.effort == "none":
        return {"type": "disabled"}
    budget = wanted.budget
    if budget is None and wanted.effort in _SHARES:
        budget = max(1, int(_SHARES[wanted.effort] * (request.max_tokens or _ROOM)))
    elif budget is None and wanted.effort not in (None, "high"):
        losses.append(Loss("reasoning_effort", f"{wanted.effort} became high"))
    return {"type": "enabled"} | given({"token_budget": budget})
