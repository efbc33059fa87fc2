"""What the tables say of models, as one snapshot in memory: aliases, and who serves what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keys.kept import Kept
from proxy_api.models import Alias, CatalogModel


@dataclass(frozen=True, slots=True)
class Known:
    """aliases: name -> targets in order; models: provider -> ids; providers: id -> providers."""

    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NOTHING = Known()


def read() -> Known:
    aliases = Alias.objects.filter(enabled=True).values_list("name", "targets")
    pairs = list(CatalogModel.objects.values_list("provider", "model"))
    models: dict[str, list[str]] = {}
    providers: dict[str, list[str]] = {}
    for provider, model in pairs:
        models.setdefault(provider, []).append(model)
        providers.setdefault(model, []).append(provider)
    return Known({name: tuple(map(str, targets)) for name, targets in aliases}, _frozen(models), _frozen(providers))


def _frozen(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in lists.items()}


KNOWN = Kept(read, NOTHING)
