"""What each Claude family takes.

Sources: https://platform.claude.com/docs/en/models/overview (output limits, kind of thinking),
https://platform.claude.com/docs/en/build-with-claude/effort (levels),
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (output_config.format),
https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5 (thinking that is always on, no forced tools).
"""

from __future__ import annotations

from dataclasses import replace

from proxy_api.catalog.model_facts import Family, ModelFacts

_BUDGET = ModelFacts(64000, "budget", structured_output=True, takes_budget=True)
_EARLY_ADAPTIVE = replace(
    _BUDGET, max_output_tokens=128000, thinking="adaptive", efforts=("low", "medium", "high", "max")
)
_ADAPTIVE = ModelFacts(128000, "adaptive", ("low", "medium", "high", "xhigh", "max"), True, True)
_ALWAYS = replace(_ADAPTIVE, always_thinks=True)

_ROWS: tuple[tuple[str, ModelFacts], ...] = (
    (r"claude-(instant|v?[12]|3-(opus|sonnet|haiku))", ModelFacts(4096, both_samplings=True)),
    (r"claude-3[-.]5", ModelFacts(8192, both_samplings=True)),
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
FAMILY = Family("claude", _ROWS)
