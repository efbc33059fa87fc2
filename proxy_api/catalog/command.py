"""What each of Cohere's Command models takes.

Sources: https://docs.cohere.com/docs/models and https://docs.cohere.com/docs/reasoning (which of them think).
"""

from __future__ import annotations

from proxy_api.catalog.model_facts import UNKNOWN, Family, ModelFacts

_ROWS: tuple[tuple[str, ModelFacts], ...] = (
    (r"command-(r|light|nightly|text)|command-a-(03-2025|vision|translate)|command$|c4ai-", UNKNOWN),
    (r"command", ModelFacts(thinking="budget", takes_budget=True)),
)
FAMILY = Family(r"\bcommand(-|$)|c4ai-", _ROWS)
