"""Reasoning, sampling and limits written for Anthropic, within what the model takes.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking (budget of 1024 or more, below max_tokens)
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
https://platform.claude.com/docs/en/build-with-claude/effort
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss

DEFAULT_MAX_TOKENS = 4096
LEAST_BUDGET = 1024
_SHARE = {"low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.8, "max": 0.8}
_LEVELS = ("low", "medium", "high", "xhigh", "max")


@dataclass(slots=True)
class Tuning:
    """Fields of the body, `effort` for output_config, and what was left out."""

    fields: dict[str, Any] = field(default_factory=dict)
    effort: str | None = None
    losses: list[Loss] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the client wants of reasoning, and by which param. effort "none": none; None: not said."""

    param: str | None = None
    effort: str | None = None
    budget: int | None = None


def wants_thinking(request: ChatRequest, facts: ModelFacts) -> bool:
    if (native := _native(request)) is not None:
        return native.get("type") != "disabled"
    wish = _wish(request)
    return wish.param is not None and wish.effort != "none" and facts.thinking != "none"


def _native(request: ChatRequest) -> dict[str, Any] | None:
    """`thinking` in Anthropic's own words, which its OpenAI layer takes too:
    https://platform.claude.com/docs/en/api/openai-sdk#extended-thinking-support"""
    said = request.extra.get("thinking")
    return said if isinstance(said, dict) and "type" in said else None


def _wish(request: ChatRequest) -> _Wish:
    """An explicit budget beats an effort; false and 0 switch off."""
    enabled, budget = request.knobs.get("reasoning_enabled"), request.knobs.get("reasoning_budget")
    effort = request.knobs.get("reasoning_effort")
    if enabled is False:
        return _Wish("reasoning_enabled", "none")
    if budget is not None:
        return _Wish("reasoning_budget", "none") if budget <= 0 else _Wish("reasoning_budget", effort, int(budget))
    if effort is not None:
        return _Wish("reasoning_effort", effort)
    return _Wish("reasoning_enabled", "medium") if enabled else _Wish()


def tune(request: ChatRequest, facts: ModelFacts, forced: bool) -> Tuning:
    """forced: the model must call a tool; then it cannot think, and thinking gives way."""
    tuning = Tuning({"max_tokens": request.max_tokens or facts.max_output_tokens or DEFAULT_MAX_TOKENS})
    if (native := _native(request)) is not None:
        tuning.fields["thinking"] = native
        _set_effort(tuning, request.knobs.get("reasoning_effort"), facts)
    else:
        _think(tuning, _wish(request), facts, forced)
    _sample(tuning, request, facts)
    _stop(tuning, request)
    return tuning


def _think(tuning: Tuning, wish: _Wish, facts: ModelFacts, forced: bool) -> None:
    if wish.param is None:
        return
    if wish.effort == "none":
        _switch_off(tuning, wish, facts)
    elif facts.thinking == "none":
        tuning.losses.append(Loss(wish.param, "the model does not think"))
    elif forced and not facts.always_thinks:
        tuning.losses.append(Loss(wish.param, "a forced tool call leaves no room for thinking"))
    elif facts.thinking == "adaptive" and not (wish.budget and facts.takes_budget):
        _adaptive(tuning, wish, facts)
    else:
        _budget(tuning, wish, facts)


def _switch_off(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> None:
    if facts.always_thinks:
        tuning.losses.append(Loss(wish.param or "", "the model always thinks"))
        tuning.effort = facts.efforts[0] if facts.efforts else None
    elif facts.thinking == "adaptive":
        tuning.fields["thinking"] = {"type": "disabled"}


def _adaptive(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> None:
    # Models from Opus 4.7 on leave the text of their thoughts out unless it is asked for:
    # https://platform.claude.com/docs/en/build-with-claude/thinking#controlling-thinking-display
    tuning.fields["thinking"] = {"type": "adaptive", "display": "summarized"}
    if wish.budget is not None:
        tuning.losses.append(Loss("reasoning_budget", "the model decides how much it thinks"))
    if wish.param != "reasoning_enabled":
        _set_effort(tuning, wish.effort, facts)


def _set_effort(tuning: Tuning, asked: str | None, facts: ModelFacts) -> None:
    if asked is None or asked == "none" or not facts.efforts:
        return
    tuning.effort = _level(asked, facts.efforts)
    if tuning.effort != asked:
        tuning.losses.append(Loss("reasoning_effort", f"{asked} became {tuning.effort}"))


def _level(asked: str, efforts: tuple[str, ...]) -> str:
    """The highest level that the model has and that is not above what was asked; else its lowest."""
    rank = _LEVELS.index(asked) if asked in _LEVELS else 0
    return next((level for level in reversed(_LEVELS[: rank + 1]) if level in efforts), efforts[0])


def _budget(tuning: Tuning, wish: _Wish, facts: ModelFacts) -> None:
    limit = tuning.fields["max_tokens"]
    budget = wish.budget or int(_SHARE.get(wish.effort or "", 0) * limit)
    if wish.budget is not None and wish.budget < LEAST_BUDGET:
        tuning.losses.append(Loss("reasoning_budget", f"raised to {LEAST_BUDGET}"))
    elif wish.budget is None and wish.effort in ("xhigh", "max"):
        tuning.losses.append(Loss("reasoning_effort", f"{wish.effort} became high"))
    budget = max(LEAST_BUDGET, budget)
    if budget >= limit:
        room = int(budget * 1.5)
        limit = min(room, facts.max_output_tokens or room)
        tuning.losses.append(Loss("max_tokens", f"raised to {limit} to hold the reasoning"))
    if budget >= limit:
        budget = limit - 1
        tuning.losses.append(Loss("reasoning_budget", f"cut to {budget}"))
    tuning.fields |= {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


def _sample(tuning: Tuning, request: ChatRequest, facts: ModelFacts) -> None:
    thinks = tuning.fields.get("thinking", {}).get("type") in ("enabled", "adaptive")
    reason = "the model refuses it" if facts.refuses_sampling else "not with thinking" if thinks else None
    wishes = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
    for name, value in wishes.items():
        if value is None:
            continue
        if reason:
            tuning.losses.append(Loss(name, reason))
        elif name == "top_p" and value == 1 and request.temperature is not None and not facts.both_samplings:
            # Models from Opus 4.1 on refuse the two together; 1 says nothing, and many clients always send it.
            tuning.losses.append(Loss(name, "1 has no effect beside temperature"))
        elif name == "temperature" and not 0 <= value <= 1:
            tuning.fields[name] = min(1, max(0, value))
            tuning.losses.append(Loss(name, f"{value} became {tuning.fields[name]}"))
        else:
            tuning.fields[name] = value


def _stop(tuning: Tuning, request: ChatRequest) -> None:
    kept = [text for text in request.stop if text.strip()]
    if len(kept) < len(request.stop):
        tuning.losses.append(Loss("stop", "sequences of white space left out"))
    if kept:
        tuning.fields["stop_sequences"] = kept
