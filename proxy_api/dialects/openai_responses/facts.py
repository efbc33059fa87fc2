"""What OpenAI's models take on Responses, by name: levels of reasoning effort, and whether sampling is refused.

First match wins; a name that no line knows is sent what was asked, and is no reasoner unless it is asked to reason.
Sources: https://developers.openai.com/api/docs/models (each model's page: endpoints, reasoning levels),
https://developers.openai.com/api/docs/guides/reasoning (encrypted reasoning; what effort is the default),
https://developers.openai.com/api/docs/guides/deployment-checklist (levels of gpt-5.6; temperature, top_p and logprobs
only with effort none).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Reasoner:
    """reasons: it gives reasoning items, so that their encrypted content can be asked for, and takes them back (others
    answer 400 to both); None: not known. sealed: that content is sealed; in the clear (content, not summary) it needs
    no proof.
    efforts: the levels that it knows, ascending; () = not known, sent as asked. default: the level when none is said.
    samples: temperature, top_p and logprobs are taken at any level; else only at `none`."""

    reasons: bool | None = True
    sealed: bool = True
    efforts: tuple[str, ...] = ()
    default: str = "medium"
    samples: bool = False


_THREE = ("low", "medium", "high")
_PLAIN = Reasoner(reasons=False, samples=True)
_UNKNOWN = Reasoner(reasons=None, samples=True)

_MODELS: tuple[tuple[str, Reasoner], ...] = (
    (r"gpt-5[\d.]*-(chat|search)|gpt-[34]|chatgpt|non-reasoning", _PLAIN),
    (r"gpt-5-pro", Reasoner(efforts=("high",))),
    (r"gpt-5[.]\d+-pro", Reasoner(efforts=("medium", "high", "xhigh"))),
    (r"gpt-5-codex|gpt-5[.]1-codex(?!-max)|codex-mini", Reasoner(efforts=_THREE)),
    (r"gpt-5[.]\d+-codex", Reasoner(efforts=(*_THREE, "xhigh"))),
    (r"gpt-5[.]1(?!\d)", Reasoner(efforts=("none", *_THREE), default="none")),
    (r"gpt-5[.][2-4](?!\d)", Reasoner(efforts=("none", *_THREE, "xhigh"), default="none")),
    (r"gpt-5[.]5(?!\d)", Reasoner(efforts=("none", *_THREE, "xhigh"))),
    (r"gpt-6-astra", Reasoner(efforts=(*_THREE, "xhigh", "max"))),
    (r"gpt-5[.]6(?!\d)|gpt-6-", Reasoner(efforts=("none", *_THREE, "xhigh", "max"))),
    (r"gpt-5[.]\d|gpt-[6-9]|gpt-\d\d", Reasoner()),
    (r"gpt-5", Reasoner(efforts=("minimal", *_THREE))),
    (r"(^|[/.])o[1-9](-|$)", Reasoner(efforts=_THREE)),
    (r"gpt-oss|deepseek", Reasoner(sealed=False, samples=True)),
    (r"grok-(3-mini|[4-9]|code)", Reasoner(samples=True)),
)


@lru_cache(maxsize=1024)
def reasoner(model: str) -> Reasoner:
    name = model.lower()
    return next((facts for pattern, facts in _MODELS if re.search(pattern, name)), _UNKNOWN)


def level(asked: str, efforts: tuple[str, ...]) -> str:
    """The level itself where the model has it, else the next one above it, else its highest."""
    if not efforts or asked in efforts or asked not in _LEVELS:
        return asked
    rank = _LEVELS.index(asked)
    return next((effort for effort in efforts if _LEVELS.index(effort) > rank), efforts[-1])
