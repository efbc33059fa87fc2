"""What each Gemini family takes.

Sources: https://ai.google.dev/gemini-api/docs/thinking (levels from Gemini 3 on, budgets of 2.5 and their ranges),
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/guides/gemini-3-8-flash (levels of 3.7, 3.8),
https://ai.google.dev/gemini-api/docs/thought-signatures (calls that come back unsigned),
https://ai.google.dev/gemini-api/docs/structured-output (JSON beside tools: Gemini 3 and later),
https://ai.google.dev/gemini-api/docs/function-calling (media in results: Gemini 3 and later),
https://ai.google.dev/gemini-api/docs/whats-new-gemini-3.7 (fixed sampling, no budgets).
"""

from __future__ import annotations

from dataclasses import replace

from proxy_api.catalog.model_facts import Family, ModelFacts

_PLAIN = ModelFacts(8192, structured_output=True)
_BUDGET = ModelFacts(65536, "budget", structured_output=True, takes_budget=True, budgets=(1, 24576))
_LEVELS = ModelFacts(
    65536,
    "adaptive",
    ("low", "medium", "high"),
    structured_output=True,
    takes_budget=True,
    always_thinks=True,
    signed_calls=True,
    json_beside_tools=True,
    media_results=True,
)
_MINIMAL = replace(_LEVELS, efforts=("minimal", "low", "medium", "high"))
_FIXED = replace(_LEVELS, takes_budget=False, refuses_sampling=True)

_ROWS: tuple[tuple[str, ModelFacts], ...] = (
    (r"tts|2[.-]5-flash-image|embedding", _PLAIN),
    (r"gemini-(1|2[.-]0|pro($|-vision)|exp)", _PLAIN),
    (r"2[.-]5-flash-lite", replace(_BUDGET, budgets=(512, 24576))),
    (r"2[.-]5-flash|2[.-]5-computer|robotics-er-1", _BUDGET),
    (r"2[.-]5", replace(_BUDGET, budgets=(128, 32768), always_thinks=True)),
    (r"3-pro-image", replace(_LEVELS, efforts=(), takes_budget=False)),
    (r"3[.-]1-flash-image", replace(_LEVELS, efforts=("minimal", "high"), takes_budget=False)),
    (r"gemini-3-pro", replace(_LEVELS, efforts=("low", "high"))),
    (r"3[.-]1-pro", _LEVELS),
    (r"3[.-]5-flash-lite|3[.-]6-flash", replace(_MINIMAL, takes_budget=False, refuses_sampling=True)),
    (r"gemini-3-flash|3[.-][1-5]-flash", _MINIMAL),
    (r"gemini", _FIXED),
)
FAMILY = Family("gemini", _ROWS)
