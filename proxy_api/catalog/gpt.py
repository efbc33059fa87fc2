"""What OpenAI's GPT models want back. What they take stands with their providers' quirks and in the Responses dialect.

Source: https://developers.openai.com/api/docs/guides/latest-model (phase: gpt-5.3-codex and later).
"""

from __future__ import annotations

from proxy_api.catalog.model_facts import Family, ModelFacts

FAMILY = Family(r"\bgpt-(5[.][3-9]|[6-9]|\d\d)", ((r"", ModelFacts(phases=True)),))
