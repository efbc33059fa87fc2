"""Limits, sampling, reasoning and what else to include, within what the model takes (facts.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.openai_responses.facts import Reasoner, level, reasoner
from proxy_api.dialects.saying import Wish, wish

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
LEAST_TOKENS = 16  # https://developers.openai.com/api/reference/resources/responses : below it OpenAI answers 400
_REASONING = frozenset({"context", "effort", "generate_summary", "mode", "summary"})


@dataclass(slots=True)
class Tuning:
    """Fields of the body, and what was left out."""

    fields: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)


def tune(request: ChatRequest) -> Tuning:
    tuning, model = Tuning(), reasoner(request.model)
    if request.max_tokens is not None:
        tuning.fields["max_output_tokens"] = max(LEAST_TOKENS, request.max_tokens)
        if request.max_tokens < LEAST_TOKENS:
            tuning.losses.append(Loss("max_tokens", f"raised to {LEAST_TOKENS}, OpenAI's least"))
    effort = _effort(tuning, request, model)
    reasoning = _asked_reasoning(request) | ({"effort": effort} if effort is not None else {})
    if reasoning:
        tuning.fields["reasoning"] = reasoning
    samples = model.samples or (reasoning.get("effort") or model.default) == "none"
    _sample(tuning, request, samples)
    _include(tuning, request, model.sealed and bool(model.reasons or reasoning), samples)
    return tuning


def _effort(tuning: Tuning, request: ChatRequest, model: Reasoner) -> str | None:
    """A budget beside 0 is the model's own affair, and so is how much a model thinks that is only told to."""
    asked = wish(request)
    if asked.budget is not None:
        tuning.losses.append(Loss("reasoning_budget", "Responses has no budget"))
    if asked.effort is None:
        return _switched_on(tuning, asked, model)
    if asked.param != "reasoning_effort" and not asked.budget and not model.reasons:
        return None
    said = level(asked.effort, model.efforts)
    if said != asked.effort:
        param = "reasoning_effort" if asked.budget else asked.param
        tuning.losses.append(Loss(param or "reasoning_effort", f"{asked.effort} became {said}"))
    return said


def _switched_on(tuning: Tuning, asked: Wish, model: Reasoner) -> str | None:
    """Reasoning that is only wished for: models that do none by themselves get their middle level."""
    if asked.param == "reasoning_enabled" and not model.reasons:
        tuning.losses.append(Loss("reasoning_enabled", "it is not known how to make the model reason"))
    return "medium" if asked.param is not None and model.default == "none" else None


def _asked_reasoning(request: ChatRequest) -> dict[str, Any]:
    """`reasoning` of a client that knows Responses' own words (a summary, above all)."""
    given = request.extra.get("reasoning")
    return {key: value for key, value in given.items() if key in _REASONING} if isinstance(given, dict) else {}


def _sample(tuning: Tuning, request: ChatRequest, samples: bool) -> None:
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is None:
            continue
        if samples:
            tuning.fields[name] = value
        else:
            tuning.losses.append(Loss(name, "the model refuses it while it reasons"))


def _include(tuning: Tuning, request: ChatRequest, sealed: bool, samples: bool) -> None:
    """Reasoning comes sealed, so that it survives the next turn although OpenAI stores nothing."""
    given = request.extra.get("include")
    include = list(given) if isinstance(given, list) else []
    if sealed and not request.knobs.get("store"):
        include.append(ENCRYPTED)
    include += _logprobs(tuning, request, samples)
    if include:
        tuning.fields["include"] = list(dict.fromkeys(include))


def _logprobs(tuning: Tuning, request: ChatRequest, samples: bool) -> list[str]:
    """What must be included for them. How many others are told beside each token is a field of its own to Responses."""
    given = {name: request.knobs.get(name) for name in ("logprobs", "top_logprobs")}
    asked = [name for name, value in given.items() if value is not None and value is not False]
    if not samples:
        tuning.losses += [Loss(name, "the model refuses it while it reasons") for name in asked]
        return []
    if "top_logprobs" in asked:
        tuning.fields["top_logprobs"] = given["top_logprobs"]
    return [LOGPROBS] if "logprobs" in asked else []
