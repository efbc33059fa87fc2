"""What Converse takes for a model, as data: the differences between the families that Bedrock hosts.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
(system prompts), https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html (forced tools),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultContentBlock.html (images in results),
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (cache points),
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html (models with a JSON schema),
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html (top_k by family),
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html (Nova's reasoning).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hosted:
    """What Converse takes for a family of models.

    system: system prompts. forced: the kinds of tool choice that force a call (any, tool). structured: a JSON schema
    and strict tools; None: as the model's own facts say. reasoning: by which fields it is asked to reason.
    thoughts: which of its thoughts it takes back: those with a signature, all of them, none.
    top_k: where it stands within additionalModelRequestFields; () = nowhere.
    marks: cache points in system and messages; tool_marks: among the tools too.
    results: a status and images in tool results. short_ids: tool ids of 9 letters and digits.
    silent_off: reasoning is off where nothing is said, and saying so is refused.
    image_limit, document_limit: bytes of one.
    """

    system: bool = True
    forced: tuple[str, ...] = ("any",)
    structured: bool | None = True
    reasoning: Literal["claude", "nova", "openai", "none"] = "none"
    thoughts: Literal["signed", "all", "none"] = "none"
    top_k: tuple[str, ...] = ()
    marks: bool = False
    tool_marks: bool = False
    results: bool = False
    short_ids: bool = False
    silent_off: bool = False
    image_limit: int = 15 * _MEGABYTE // 4
    document_limit: int = 9 * _MEGABYTE // 2


_CLAUDE = Hosted(
    forced=("any", "tool"),
    structured=None,
    reasoning="claude",
    thoughts="signed",
    top_k=("top_k",),
    marks=True,
    tool_marks=True,
    results=True,
)
_NOVA = Hosted(
    forced=("any", "tool"),
    structured=False,
    top_k=("inferenceConfig", "topK"),
    marks=True,
    results=True,
    image_limit=25 * _MEGABYTE,
    document_limit=25 * _MEGABYTE,
)
_MISTRAL = Hosted(short_ids=True, top_k=("top_k",))
_FORMER = Hosted(forced=(), structured=False)

# First match wins; searched in the lower-cased id, so that prefixes of regions and ARNs do not matter.
_ROWS: tuple[tuple[str, Hosted], ...] = (
    (
        r"claude-(instant|v?2|3-(opus|sonnet|haiku)|3-5-sonnet-20240620)",
        replace(_CLAUDE, marks=False, tool_marks=False),
    ),
    (r"claude-.*4-[678]", replace(_CLAUDE, silent_off=True)),
    (r"claude", _CLAUDE),
    (r"nova-2", replace(_NOVA, reasoning="nova")),
    (r"nova", _NOVA),
    (r"titan", replace(_FORMER, system=False)),
    (r"mistral-7b|mixtral", replace(_MISTRAL, system=False, structured=False)),
    (r"mistral-(large|small)-24|pixtral", replace(_MISTRAL, structured=False)),
    (r"mistral|ministral|magistral|voxtral|devstral", _MISTRAL),
    (r"command-(text|light)", replace(_FORMER, system=False)),
    (r"command-r", replace(_FORMER, top_k=("k",))),
    (r"llama|jamba|jurassic|palmyra", _FORMER),
    (r"deepseek.*r1", replace(_FORMER, thoughts="all")),
    (r"gpt-oss", Hosted(reasoning="openai")),
)


@lru_cache(maxsize=1024)
def hosted(model: str) -> Hosted:
    """By the model's id; the newest open models where no row knows it."""
    name = model.lower()
    return next((known for pattern, known in _ROWS if re.search(pattern, name)), Hosted())
