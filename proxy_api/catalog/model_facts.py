"""What is known of a model, whoever serves it. A family's module fills it; a dialect reads it and may add a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

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
    budgets: the least and the most tokens of a thinking budget, where the maker says so.
    signed_calls: a tool call of its own that comes back without its signature is answered with 400.
    json_beside_tools: an answer in JSON may be asked for where there are tools.
    media_results: a tool's result may hold images and documents.
    both_samplings: temperature and top_p are taken together.
    phases: it tells commentary from its final answer, and wants to be told the same of its earlier texts.
    """

    max_output_tokens: int | None = None
    thinking: Thinking = "none"
    efforts: tuple[str, ...] = ()
    refuses_sampling: bool = False
    structured_output: bool = False
    takes_budget: bool = False
    always_thinks: bool = False
    takes_forced_tools: bool = True
    budgets: tuple[int, int] | None = None
    signed_calls: bool = False
    json_beside_tools: bool = False
    media_results: bool = False
    both_samplings: bool = False
    phases: bool = False


UNKNOWN = ModelFacts()


class Family(NamedTuple):
    """A maker's models. mark: a pattern that is found in all their lower-cased names and in no others; rows: (pattern,
    facts), first match wins, searched in the lower-cased name, so that Bedrock's and OpenRouter's spellings are found
    too. The last row may be the newest generation's, so that a model of tomorrow works today."""

    mark: str
    rows: tuple[tuple[str, ModelFacts], ...]
