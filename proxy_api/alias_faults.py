"""What is wrong with an alias as it was entered, in words for a form, a file or the API."""

from __future__ import annotations

from collections.abc import Sequence

from proxy_api.providers import PROVIDERS
from proxy_api.routing import meant

GLOB = set("*?[")


def name_faults(name: str) -> list[str]:
    return ["A name has no blanks and is no pattern."] if set(name) & {" ", "\t", *GLOB} else []


def target_faults(targets: Sequence[str]) -> list[str]:
    """Each target must mean something now: a mistyped one would only be found when the others fail."""
    if not targets:
        return ["At least one target."]
    odd = [target for target in targets if set(target) & GLOB or not meant(target, ())]
    return [f"{odd[0]}: no such provider. There are {', '.join(sorted(PROVIDERS))}."] if odd else []
