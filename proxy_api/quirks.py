"""What must be said otherwise to a host that speaks OpenAI's language, by its row: fields that it or a model refuses,
calls otherwise, or takes other values of; and what is refused here because it would be there. Pure; everything that is
not named here passes as it came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from proxy_api.chat import Loss
from proxy_api.upstream import Provider, Quirk


@dataclass(slots=True)
class Edits:
    """replace: members with their new values; remove: members to leave out; losses: what is not said as it was."""

    replace: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def drop(self, name: str, reason: str) -> None:
        self.remove.append(name)
        self.losses.append(Loss(name, reason))


def edits(value: Mapping[str, Any], provider: Provider, model: str) -> Edits:
    """The edits of a request's top level for this host and model. Raises BadRequest for a value that it refuses."""
    for name, rule in provider.rules.items():
        if (given := value.get(name)) is not None:
            rule(given, name)
    found = Edits()
    for name in provider.drops:
        if value.get(name) is not None:
            found.drop(name, f"{provider.name} does not take it")
    rename(found, value, provider.renames)
    for quirk in fitting(value, provider, model):
        adjust(found, value, quirk, model)
        rename(found, value, quirk.renames)
    return found


def fitting(value: Mapping[str, Any], provider: Provider, model: str) -> Iterator[Quirk]:
    effort = value.get("reasoning_effort")
    for one in provider.quirks:
        thinks = one.thinks if effort is None else effort != "none"
        if (thinks or not one.thinking) and is_of(one.model, model):
            yield one


@lru_cache(maxsize=4096)
def is_of(pattern: str, model: str) -> bool:
    """Whether a model is one of a pattern's. Remembered: few names occur, and each call asks for every quirk."""
    return re.search(pattern, model) is not None


def adjust(found: Edits, value: Mapping[str, Any], quirk: Quirk, model: str) -> None:
    for name, fine in quirk.drops.items():
        given = value.get(name)
        if given is not None and given != fine and name not in found.remove:
            found.drop(name, f"{model} does not take it")
    for name, others in quirk.values.items():
        given = value.get(name)
        if isinstance(given, str) and given in others:
            found.replace[name] = others[given]
            found.losses.append(Loss(name, f"{model} has no {given}: {others[given]}"))


def rename(found: Edits, value: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """A field that the caller set by its new name too keeps that value."""
    for name, theirs in names.items():
        if name not in value or name in found.remove:
            continue
        found.remove.append(name)
        if value.get(theirs) is not None:
            found.losses.append(Loss(name, f"{theirs} is set as well"))
        elif value[name] is not None:
            found.replace[theirs] = value[name]
