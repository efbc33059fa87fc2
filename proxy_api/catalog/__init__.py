"""Facts about models, as data: what a family can do, which provider a bare model name means, well-known ids.

Nothing here decides anything: routing and the dialects do.
Code map: model_facts.py the type, one module per family with its FAMILY (claude.py), names.py bare names, known.py ids.
Adding a family: one module with a FAMILY, one name in FAMILIES.
"""

from __future__ import annotations

import re
from functools import lru_cache

from proxy_api.catalog import claude, command, gemini, gpt
from proxy_api.catalog.known import WELL_KNOWN
from proxy_api.catalog.model_facts import UNKNOWN, Family, ModelFacts, Thinking
from proxy_api.catalog.names import providers_of

__all__ = ("FAMILIES", "WELL_KNOWN", "Family", "ModelFacts", "Thinking", "facts", "providers_of")

FAMILIES: tuple[Family, ...] = (claude.FAMILY, command.FAMILY, gemini.FAMILY, gpt.FAMILY)


@lru_cache(maxsize=1024)
def facts(model: str) -> ModelFacts:
    """The facts of a model by its name, whoever serves it; those of UNKNOWN where no family claims the name."""
    name = model.lower()
    rows = next((family.rows for family in FAMILIES if re.search(family.mark, name)), ())
    return next((known for pattern, known in rows if re.search(pattern, name)), UNKNOWN)
