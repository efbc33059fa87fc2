"""Reasoning, sampling and limits written as Gemini's generationConfig.

https://ai.google.dev/api/generate-content#GenerationConfig
https://ai.google.dev/gemini-api/docs/thinking
https://ai.google.dev/gemini-api/docs/openai#thinking (what OpenAI's efforts are worth in levels and in tokens)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss

_TOKENS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
AUTOMATIC = -1


@dataclass(slots=True)
class Tuning:
    """Fields of generationConfig, and what was left out."""

    config: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the client wants of reasoning, and by which param. effort "none": none; neither: the model decides."""

    param: str
    effort: str | None = None
    budget: int | None = None


def tune(request: ChatRequest, facts: ModelFacts) -> Tuning:
    tuning = Tuning()
    _sample(tuning, request, facts)
    fields = {
        "maxOutputTokens": request.max_tokens,
        "stopSequences": list(request.stop) or None,
        "candidateCount": request.n,
        "seed": request.seed,
        "presencePenalty": request.knobs.get("presence_penalty"),
        "frequencyPenalty": request.knobs.get("frequency_penalty"),
        "responseLogprobs": request.knobs.get("logprobs"),
        "logprobs": request.knobs.get("top_logprobs"),
    }
    tuning.config |= {name: value for name, value in fields.items() if value is not None}
    _modalities(tuning, request)
    if (wish := _wish(request)) is not None:
        _think(tuning, wish, facts)
    return tuning


def _sample(tuning: Tuning, request: ChatRequest, facts: ModelFacts) -> None:
    wishes = {
        "temperature": ("temperature", request.temperature),
        "top_p": ("topP", request.top_p),
        "top_k": ("topK", request.top_k),
    }
    for param, (name, value) in wishes.items():
        if value is not None and facts.refuses_sampling:
            tuning.losses.append(Loss(param, "the model's sampling is fixed"))
        elif value is not None:
            tuning.config[name] = value


def _modalities(tuning: Tuning, request: ChatRequest) -> None:
    asked = request.knobs.get("modalities") or ()
    known = [_MODALITIES[word] for word in asked if word in _MODALITIES]
    if len(known) < len(asked):
        tuning.losses.append(Loss("modalities", "Gemini answers in text, images and audio"))
    if known:
        tuning.config["responseModalities"] = known


def _wish(request: ChatRequest) -> _Wish | None:
    """An explicit budget beats an effort; false and 0 switch off; -1 leaves it to the model."""
    enabled, budget = request.knobs.get("reasoning_enabled"), request.knobs.get("reasoning_budget")
    effort = request.knobs.get("reasoning_effort")
    if enabled is False:
        return _Wish("reasoning_enabled", "none")
    if budget is not None:
        return _Wish("reasoning_budget", "none") if budget == 0 else _Wish("reasoning_budget", budget=int(budget))
    if effort is not None:
        return _Wish("reasoning_effort", effort)
    return _Wish("reasoning_enabled", budget=AUTOMATIC) if enabled else None


def _think(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> None:
    if facts.thinking == "none":
        if wish.effort != "none":
            tuning.losses.append(Loss(wish.param, "the model does not think"))
    elif facts.thinking == "budget":
        tuning.config["thinkingConfig"] = _shown(wish) | {"thinkingBudget": _budget(tuning, wish, facts)}
    else:
        tuning.config["thinkingConfig"] = _shown(wish) | _level(tuning, wish, facts)


def _shown(wish: _Wish) -> dict[str, Any]:
    return {} if wish.effort == "none" else {"includeThoughts": True}


def _budget(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> int:
    """Within what the model takes; 0 is off, where it can be switched off."""
    least, most = facts.budgets or (1, 24576)
    if wish.effort == "none":
        if facts.always_thinks:
            tuning.losses.append(Loss(wish.param, "the model always thinks"))
        return least if facts.always_thinks else 0
    if wish.budget is None:
        return max(least, min(most, _TOKENS.get(wish.effort or "", most)))
    if wish.budget < 0:
        return AUTOMATIC
    budget = max(least, min(most, wish.budget))
    if budget != wish.budget:
        tuning.losses.append(Loss(wish.param, f"{wish.budget} became {budget}"))
    return budget


def _level(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> dict[str, Any]:
    """Levels are what these models understand; the earlier ones still take a budget."""
    if wish.budget is not None and wish.budget < 0:
        return {}
    if wish.budget is not None and facts.takes_budget:
        return {"thinkingBudget": wish.budget}
    asked = _worth(wish.budget) if wish.budget is not None else wish.effort or "medium"
    if not facts.efforts:
        tuning.losses.append(Loss(wish.param, "the model decides how much it thinks"))
        return {}
    level = _nearest(asked, facts.efforts)
    if asked == "none":
        tuning.losses.append(Loss(wish.param, "the model always thinks"))
    elif wish.budget is not None or level != asked:
        tuning.losses.append(Loss(wish.param, f"{wish.effort or wish.budget} became {level}"))
    return {"thinkingLevel": level.upper()}


def _worth(budget: int) -> str:
    return next((level for level, tokens in _TOKENS.items() if level != "minimal" and budget <= tokens), "high")


def _nearest(asked: str, efforts: tuple[str, ...]) -> str:
    """The highest level that the model has and that is not above what was asked; else its lowest."""
    rank = _LEVELS.index(asked) if asked in _LEVELS else 0
    return next((level for level in reversed(_LEVELS[: rank + 1]) if level in efforts), efforts[0])
