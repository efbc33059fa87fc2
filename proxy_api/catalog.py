"""Facts about models, as data: what a Claude family can do, which provider a bare model name means, well-known ids.

Nothing here decides anything: routing and the dialects do. A name that no line knows gets the facts of its family's
newest generation, so that a model of tomorrow works today.
Sources: https://platform.claude.com/docs/en/models/overview (output limits, kind of thinking),
https://platform.claude.com/docs/en/build-with-claude/effort (levels),
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (output_config.format),
https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5 (thinking that is always on, no forced tools).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Thinking = Literal["none", "budget", "adaptive"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model takes.

    max_output_tokens: the most that it writes, thinking included; None: not known.
    thinking: none, by a token budget, or adaptive (the model decides, `efforts` guides it).
    efforts: levels of `output_config.effort`, ascending; () = the field is refused.
    refuses_sampling: temperature, top_p and top_k are answered with 400.
    structured_output: it knows `output_config.format`.
    takes_budget: a thinking budget may be set. always_thinks: thinking cannot be switched off.
    takes_forced_tools: tool_choice `any` and `tool` are allowed.
    """

    max_output_tokens: int | None = None
    thinking: Thinking = "none"
    efforts: tuple[str, ...] = ()
    refuses_sampling: bool = False
    structured_output: bool = False
    takes_budget: bool = False
    always_thinks: bool = False
    takes_forced_tools: bool = True


_UNKNOWN = ModelFacts()
_BUDGET = ModelFacts(64000, "budget", structured_output=True, takes_budget=True)
_EARLY_ADAPTIVE = replace(
    _BUDGET, max_output_tokens=128000, thinking="adaptive", efforts=("low", "medium", "high", "max")
)
_ADAPTIVE = ModelFacts(128000, "adaptive", ("low", "medium", "high", "xhigh", "max"), True, True)
_ALWAYS = replace(_ADAPTIVE, always_thinks=True)

# First match wins; searched in the lower-cased name, so that Bedrock's and OpenRouter's spellings are found too.
_CLAUDE: tuple[tuple[str, ModelFacts], ...] = (
    (r"claude-(instant|2|3-(opus|sonnet|haiku))", ModelFacts(4096)),
    (r"claude-3[-.]5", ModelFacts(8192)),
    (r"claude-3[-.]7", replace(_BUDGET, structured_output=False)),
    (r"opus-4[-.]5(?!\d)|4[-.]5-opus", replace(_BUDGET, efforts=("low", "medium", "high"))),
    (r"4[-.]5(?!\d)", _BUDGET),
    (r"4[-.]6(?!\d)", _EARLY_ADAPTIVE),
    (r"4[-.][789](?!\d)", _ADAPTIVE),
    (r"opus-4|4-opus", replace(_BUDGET, max_output_tokens=32000, structured_output=False)),
    (r"sonnet-4|4-sonnet", replace(_BUDGET, structured_output=False)),
    (r"opus-5[-.]5|(fable|mythos)-5[-.][1-9](?!\d)", replace(_ALWAYS, takes_forced_tools=False)),
    (r"fable|mythos", _ALWAYS),
    (r"claude", _ADAPTIVE),
)
_FAMILIES = tuple((re.compile(pattern), known) for pattern, known in _CLAUDE)


@lru_cache(maxsize=1024)
def facts(model: str) -> ModelFacts:
    """The facts of a model by its name, whoever serves it. Everything but Claude: nothing known."""
    name = model.lower()
    if "claude" not in name:
        return _UNKNOWN
    return next(known for pattern, known in _FAMILIES if pattern.search(name))


# Which provider a bare name means. Only names that their maker alone serves: open weights (llama, gpt-oss, qwen) are
# found through the well-known ids below and through the model lists of credentials.
_OWNERS: tuple[tuple[str, str], ...] = (
    (r"claude-", "anthropic"),
    (
        r"(ft:)?gpt-(?!oss)|chatgpt-|o[1-9](-|$)|codex-|text-embedding-(3|ada)|omni-moderation-|davinci-|babbage-",
        "openai",
    ),
    (r"(open-)?(mistral|mixtral|codestral|ministral|pixtral|magistral|devstral|voxtral)-", "mistral"),
    (r"deepseek-(chat|reasoner|v\d)", "deepseek"),
    (r"grok-", "xai"),
    (r"sonar", "perplexity"),
    (r"accounts/", "fireworks"),
)
_BARE = tuple((re.compile(pattern), provider) for pattern, provider in _OWNERS)

# Shown by GET /v1/models where the provider has a credential without a model list of its own.
# openai: the ids of https://developers.openai.com/api/docs/models that chat/completions serves.
WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "openai": (
        "gpt-6.2-sol",
        "gpt-6.1-sol",
        "gpt-6.1-terra",
        "gpt-6-luna",
        "gpt-5.6-sol",
        "gpt-5.6-terra",
        "gpt-5.6-luna",
        "gpt-5.5",
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano",
        "gpt-5.2",
        "gpt-5.1",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-4o",
        "gpt-4o-mini",
        "o4-mini",
        "o3",
        "o3-mini",
        "o1",
        "gpt-4-turbo",
        "gpt-4",
        "gpt-3.5-turbo",
    ),
    # https://platform.claude.com/docs/en/models/overview
    "anthropic": (
        "claude-fable-5-1",
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-opus-5",
        "claude-sonnet-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
    ),
    # https://console.groq.com/docs/models
    "groq": (
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
        "openai/gpt-oss-120b",
        "openai/gpt-oss-20b",
        "qwen/qwen3-32b",
        "moonshotai/kimi-k2-instruct-0905",
    ),
    # https://docs.mistral.ai/getting-started/models
    "mistral": (
        "mistral-large-latest",
        "mistral-medium-latest",
        "mistral-small-latest",
        "magistral-medium-latest",
        "codestral-latest",
        "ministral-8b-latest",
        "pixtral-large-latest",
    ),
    # https://api-docs.deepseek.com/quick_start/pricing
    "deepseek": ("deepseek-chat", "deepseek-reasoner"),
    # https://docs.x.ai/docs/models
    "xai": (
        "grok-4",
        "grok-4-fast-reasoning",
        "grok-4-fast-non-reasoning",
        "grok-3",
        "grok-3-mini",
        "grok-code-fast-1",
    ),
    # https://docs.perplexity.ai/getting-started/models
    "perplexity": ("sonar", "sonar-pro", "sonar-reasoning-pro", "sonar-deep-research"),
    # https://inference-docs.cerebras.ai/models/overview
    "cerebras": ("gpt-oss-120b", "llama-3.3-70b", "llama3.1-8b", "qwen-3-32b"),
}


def providers_of(name: str) -> tuple[str, ...]:
    """The providers that a bare model name means, the most likely first; () for a name that nobody here knows."""
    owner = tuple(provider for pattern, provider in _BARE if pattern.match(name))
    listed = tuple(provider for provider, ids in WELL_KNOWN.items() if name in ids and provider not in owner)
    return owner + listed
