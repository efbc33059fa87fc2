"""Reasoning, sampling and limits written for Converse: inferenceConfig, and the model's own fields beside it.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html (Claude's fields)
https://docs.aws.amazon.com/bedrock/latest/userguide/computer-use.html (anthropic_beta)
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html (Nova 2: reasoningConfig, no sampling and
no limit with the effort high)
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html (gpt-oss: reasoning_effort)
Claude's rules are those of Anthropic's own API, so its tuning does the work; what it wrote is put in Converse's places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.anthropic.tuning_out import Tuning as Anthropic
from proxy_api.dialects.anthropic.tuning_out import tune
from proxy_api.dialects.bedrock_converse.hosted import Hosted

_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_KNOBS = ("reasoning_budget", "reasoning_effort", "reasoning_enabled")


@dataclass(slots=True)
class Tuning:
    """Fields of inferenceConfig and of additionalModelRequestFields, and what was left out."""

    inference: dict[str, Any] = field(default_factory=dict)
    additional: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def lose(self, param: str, reason: str) -> None:
        self.losses.append(Loss(param, reason))


def tune_converse(request: ChatRequest, facts: ModelFacts, hosted: Hosted, forced: bool) -> Tuning:
    """forced: the model must call a tool; then Claude cannot think, and thinking gives way."""
    tuning = Tuning()
    if hosted.reasoning == "claude":
        _as_anthropic(tune(request, facts, forced), request, hosted, tuning)
    else:
        _reason(request, hosted, tuning)
        _sample(request, hosted, tuning)
    _without_limits(hosted, tuning)
    return tuning


def _as_anthropic(said: Anthropic, request: ChatRequest, hosted: Hosted, tuning: Tuning) -> None:
    thinking = said.fields.get("thinking")
    tuning.losses += said.losses
    tuning.inference = {_INFERENCE[name]: value for name, value in said.fields.items() if name in _INFERENCE}
    if request.max_tokens is None and (thinking or {}).get("type") != "enabled":
        del tuning.inference["maxTokens"]  # the model's own most is the default
    if thinking is not None and not (hosted.silent_off and thinking["type"] == "disabled"):
        tuning.additional["thinking"] = thinking
    if said.effort is not None:
        tuning.additional["output_config"] = {"effort": said.effort}
    if "top_k" in said.fields:
        tuning.additional["top_k"] = said.fields["top_k"]
    if request.betas:
        tuning.additional["anthropic_beta"] = list(request.betas)


def _sample(request: ChatRequest, hosted: Hosted, tuning: Tuning) -> None:
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is not None:
            tuning.inference[_INFERENCE[name]] = kept = value if 0 <= value <= 1 else min(1, max(0, value))
            if kept != value:
                tuning.lose(name, f"{value} became {kept}")
    if request.max_tokens is not None:
        tuning.inference["maxTokens"] = request.max_tokens
    kept_stops = [text for text in request.stop if text]
    if kept_stops:
        tuning.inference["stopSequences"] = kept_stops
    if request.top_k is not None and hosted.top_k:
        tuning.additional |= _nested(hosted.top_k, request.top_k)
    elif request.top_k is not None:
        tuning.lose("top_k", "the model has no top_k")


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    return {first: _nested(tuple(rest), value) if rest else value}


def _reason(request: ChatRequest, hosted: Hosted, tuning: Tuning) -> None:
    """Effort by level for the families that have nothing else."""
    wishes = {name: request.knobs[name] for name in _KNOBS if request.knobs.get(name) is not None}
    level = _level(wishes, tuning)
    if level is None:
        return
    if hosted.reasoning == "nova":
        on = {"type": "enabled", "maxReasoningEffort": level}
        tuning.additional["reasoningConfig"] = {"type": "disabled"} if level == "none" else on
    elif hosted.reasoning == "openai":
        tuning.additional["reasoning_effort"] = "low" if level == "none" else level
        if level == "none":
            tuning.lose(next(iter(wishes)), "the model always reasons")
    elif level != "none":
        tuning.losses = [Loss(name, "Bedrock cannot ask this model to reason") for name in wishes]


def _level(wishes: dict[str, Any], tuning: Tuning) -> str | None:
    """none, low, medium, high; None where nothing is wished."""
    budget, effort = wishes.get("reasoning_budget"), wishes.get("reasoning_effort")
    if wishes.get("reasoning_enabled") is False or effort == "none" or (budget is not None and budget <= 0):
        return "none"
    if budget is not None:
        tuning.lose("reasoning_budget", "the model decides how much it reasons")
    if effort is None:
        return "medium" if wishes else None
    level = _LEVELS.get(effort, "medium")
    if level != effort:
        tuning.lose("reasoning_effort", f"{effort} became {level}")
    return level


def _without_limits(hosted: Hosted, tuning: Tuning) -> None:
    """Nova 2 with the highest effort takes neither a limit nor sampling."""
    if hosted.reasoning != "nova" or tuning.additional.get("reasoningConfig", {}).get("maxReasoningEffort") != "high":
        return
    names = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}
    for theirs, ours in names.items():
        if tuning.inference.pop(theirs, None) is not None:
            tuning.lose(ours, "not with the highest reasoning effort")
    if tuning.additional.pop("inferenceConfig", None) is not None:
        tuning.lose("top_k", "not with the highest reasoning effort")
