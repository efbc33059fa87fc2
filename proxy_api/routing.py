"""From the model that was asked for to the routes that may answer, in the order in which they are tried.

An alias stands for its targets. `provider/model` names the provider, `provider:dialect/model` also its wire language;
a bare name means whoever the catalogue says, and whoever has a credential whose model list names it. Of a model's
credentials the caller's project's own come first, then the lowest priority; those alike in this are tried from a random
start, in turn. Pure but for `routes_for` and `listed_models`, which read the snapshots in memory.
Invariants: a credential is only ever paired with its own provider; nobody sees one of another project.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import accumulate, count, groupby
from typing import NamedTuple

from keys.entrance.identity import Identity, Rights
from keys.outward.credentials import Credential, all_credentials
from keys.outward.options import NO_OPTIONS
from proxy_api.catalog import WELL_KNOWN, providers_of
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.known import KNOWN, NOTHING, Known
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Provider, Route

MAX_ATTEMPTS = 4  # routes that one call tries


class Target(NamedTuple):
    """A model at a provider."""

    provider: Provider
    model: str
    dialect: str = ""

    def names(self) -> tuple[str, str]:
        """What the model list of its provider's credential may call it."""
        return f"{self.provider.name}/{self.model}", self.model


class ListedModel(NamedTuple):
    """A line of GET /v1/models."""

    id: str
    provider: str


def routes_for(asked: str, identity: Identity, endpoint_name: str | None = None) -> tuple[Route, ...]:
    """The routes for a model name, at least one. endpoint_name: use only credentials of exactly this name.

    Raises GatewayError 404 model_not_found (unknown, or nobody has a key for it), 403 model_not_allowed.
    """
    everything, known = all_credentials(), KNOWN.get()
    place = (asked, identity.rights, endpoint_name)
    sure = _sure.get(place) if identity.provider_key is None else None
    if sure is not None and sure.everything is everything and sure.known is known:
        return sure.routes
    available = visible(everything, identity, endpoint_name)
    if endpoint_name is not None and not available:
        raise no_key(asked)
    chance = random.random()  # noqa: S311 - it spreads load and keeps no secret
    routes = routed(asked, identity, available, chance, known)
    if identity.provider_key is None and len(routes) == 1:
        remember(place, Sure(routes, everything, known))
    return routes


class Sure(NamedTuple):
    """Routes without a choice, and the snapshots that they were found in: they hold as long as both are the newest."""

    routes: tuple[Route, ...]
    everything: tuple[Credential, ...]
    known: Known


Place = tuple[str, Rights, str | None]
_sure: dict[Place, Sure] = {}


def remember(place: Place, sure: Sure) -> None:
    if len(_sure) >= 4096:  # names that clients make up lead nowhere and are not kept
        _sure.clear()
    _sure[place] = sure


def routed(
    asked: str, identity: Identity, available: Sequence[Credential], chance: float, known: Known = NOTHING
) -> tuple[Route, ...]:
    """`routes_for` without the world: the credentials that may be used, environment first, a number in [0, 1), and
    what the tables say. An alias's targets come in its order, each with its credentials in turn."""
    groups = [meant(name, available, known) for name in known.aliases.get(asked, (asked,))]
    if not any(groups):
        raise unknown_model(asked)
    allowed = [[one for one in group if may_use(identity, asked, one, known)] for group in groups]
    if not any(allowed):
        raise not_allowed(asked)
    pairs = [
        [(one, own) for one in group for own in usable(one, identity, available)] for group in mine(allowed, identity)
    ]
    if not any(pairs):
        raise no_key(asked)
    return in_order(pairs, chance)


def may_use(identity: Identity, asked: str, target: Target, known: Known) -> bool:
    """By the target's names, or by the alias's."""
    alias = (asked,) if asked in known.aliases else ()
    return is_granted(identity, target.provider.name, target.model, *alias)


def is_granted(identity: Identity, provider: str, model: str, *alias: str) -> bool:
    """Whether a key's list of models has this one: as `provider/model`, by its bare name, or by an alias. A bare name
    that reads as another provider's counts for nothing: who may use `openai/*` may not use OpenRouter's `openai/...`.
    """
    maker = model.partition("/")[0].partition(":")[0].lower()
    bare = () if "/" in model and maker in PROVIDERS and maker != provider else (model,)
    return identity.rights.may_use(provider, f"{provider}/{model}", *bare, *alias)


def mine(groups: Sequence[Sequence[Target]], identity: Identity) -> Sequence[Sequence[Target]]:
    """A key that the caller brought belongs to one provider, the first that is meant: no other ever sees it."""
    if identity.provider_key is None:
        return groups
    first = next(target.provider for group in groups for target in group)
    return [[target for target in group if target.provider is first] for group in groups]


def in_order(pairs: Sequence[Sequence[tuple[Target, Credential]]], chance: float) -> tuple[Route, ...]:
    """Target after target, tier after tier; where not all can be tried, each target and each tier has one try first."""
    position = count()
    targets = [
        [[Route(to.provider, to.model, own, next(position), to.dialect) for to, own in tier] for tier in tiers(group)]
        for group in pairs
    ]
    tries = shared([len(group) for group in pairs], MAX_ATTEMPTS)
    turned = [[turn(tier, chance) for tier in target] for target in targets]
    return spread([spread(target, most) for target, most in zip(turned, tries, strict=True)], MAX_ATTEMPTS)


def tiers(pairs: Iterable[tuple[Target, Credential]]) -> list[list[tuple[Target, Credential]]]:
    """Those that come first, those that stand in for them, and so on: the project's own before all others, each by
    priority; in one tier as configured."""
    return [list(tier) for _, tier in groupby(sorted(pairs, key=rank), key=rank)]


def rank(pair: tuple[Target, Credential]) -> tuple[bool, int]:
    return not pair[1].project, pair[1].priority


def turn(routes: Sequence[Route], chance: float) -> list[Route]:
    """In turn from a random start; a weight is the share of the starts. chance: in [0, 1)."""
    ends = list(accumulate(route.credential.weight for route in routes))
    start = bisect_right(ends, chance * ends[-1])
    return [*routes[start:], *routes[:start]]


def spread(groups: Sequence[Sequence[Route]], most: int) -> tuple[Route, ...]:
    """Group after group, so that in the first `most` each has at least one, as far as that goes."""
    shares = shared([len(group) for group in groups], most)
    first = [route for group, share in zip(groups, shares, strict=True) for route in group[:share]]
    rest = [route for group, share in zip(groups, shares, strict=True) for route in group[share:]]
    return (*first, *rest)


def shared(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group are tried when `most` are in all: one each, then the earlier groups' first."""
    shares = [min(1, size) for size in sizes]
    for at, size in enumerate(sizes):
        shares[at] += max(0, min(size - shares[at], most - sum(shares)))
    return shares


def first_configured(routes: Sequence[Route]) -> Route:
    """The route that stands first whatever the weights and the random start: what a cache key may depend on."""
    return min(routes, key=lambda route: route.position)


# -- names -------------------------------------------------------------------------------------------------------
def meant(asked: str, available: Iterable[Credential], known: Known = NOTHING) -> tuple[Target, ...]:
    """The targets that a name means, aliases aside; () for a name that means nothing here."""
    head, slash, model = asked.partition("/")
    name, colon, word = head.partition(":")
    provider = PROVIDERS.get(name.lower())
    if slash and provider:
        dialect = provider.dialect_of(model, word) if word or not colon else None
        return (Target(provider, model, dialect),) if model and dialect else ()
    naming = (credential.provider for credential in available if names_it(credential, asked))
    found = dict.fromkeys((*providers_of(asked), *naming)) or known.providers.get(asked, ())
    providers = (PROVIDERS[one] for one in found if one in PROVIDERS)
    return tuple(Target(one, asked, one.dialect_of(asked) or "") for one in providers)


def names_it(credential: Credential, model: str) -> bool:
    """A credential's list names a model that the catalogue need not know; `*` alone names nothing."""
    return any(glob != "*" and fnmatchcase(model, glob) for glob in credential.models)


# -- credentials -------------------------------------------------------------------------------------------------
def visible(everything: Iterable[Credential], identity: Identity, endpoint_name: str | None = None) -> list[Credential]:
    """Those that a caller may be answered with: everybody's and its own project's; of this name where one is asked."""
    mine = ("", identity.rights.project)
    return [one for one in everything if one.project in mine and endpoint_name in (None, one.name)]


def usable(target: Target, identity: Identity, available: Iterable[Credential]) -> Iterator[Credential]:
    """The credentials for a target: the operator's, or the caller's own key at the provider's address."""
    own = [one for one in available if one.provider == target.provider.name]
    if identity.provider_key is not None:
        yield from brought(target.provider, identity, own)
        return
    for credential in own:
        if serves(credential, target) and answerable(credential, target.provider):
            yield credential


def answerable(credential: Credential, provider: Provider) -> bool:
    """There is a key to send, or none is needed. A broken one counts: its attempt fails and says so, unsent."""
    return credential.secret is not None or credential.broken or provider.keyless


def serves(credential: Credential, target: Target) -> bool:
    """Its model list allows the target, and there is an address to call."""
    if not (credential.base_url or target.provider.base_url):
        return False
    return not credential.models or any(
        fnmatchcase(name, glob) for glob in credential.models for name in target.names()
    )


def brought(provider: Provider, identity: Identity, own: Iterable[Credential]) -> Iterator[Credential]:
    """The caller's own key, sent to the address that the environment sets for the provider, or to its public one;
    never to an address entered in the admin, which may belong to one key's contract."""
    set_here = next((one for one in own if one.trusted), None)
    base_url = set_here.base_url if set_here else None
    if base_url or provider.base_url:
        secret, options = identity.provider_key, set_here.options if set_here else NO_OPTIONS
        yield Credential(
            id="",
            name="",
            provider=provider.name,
            secret=secret,
            base_url=base_url,
            trusted=base_url is not None,
            options=options,
        )


# -- refusals ----------------------------------------------------------------------------------------------------
def unknown_model(asked: str) -> GatewayError:
    head = asked.partition("/")[0].partition(":")[0].lower()
    near = get_close_matches(head, PROVIDERS, n=2) if "/" in asked and head not in PROVIDERS else []
    hint = f" Did you mean the provider {' or '.join(near)}?" if near else ""
    return _not_found(f"The model '{asked}' does not exist or you do not have access to it.{hint}")


def no_key(asked: str) -> GatewayError:
    return _not_found(f"No API keys found (for {asked}). The operator can add a credential for its provider.")


def not_allowed(asked: str) -> GatewayError:
    message = f"No API keys found (for {asked}). The key that was sent may not use this model."
    return GatewayError(
        message, status=403, type="permission_error", code="model_not_allowed", param="model", outcome="refused"
    )


def _not_found(message: str) -> GatewayError:
    return BadRequest(message, status=404, code="model_not_found", param="model")


# -- what there is -----------------------------------------------------------------------------------------------
def listed_models(identity: Identity) -> tuple[ListedModel, ...]:
    """What this key may call: aliases, and models by their bare name where that leads to the provider, and as
    `provider/model`."""
    return tuple(listed(identity, visible(all_credentials(), identity), KNOWN.get()))


def listed(identity: Identity, available: Sequence[Credential], known: Known = NOTHING) -> Iterator[ListedModel]:
    """`listed_models` without the world."""
    yield from _aliases(identity, available, known)
    for name, target in {target.names()[0]: target for target in _targets(identity, available, known)}.items():
        if is_granted(identity, target.provider.name, target.model):
            if target.model not in known.aliases and target in meant(target.model, available, known):
                yield ListedModel(target.model, target.provider.name)
            if name not in known.aliases:
                yield ListedModel(name, target.provider.name)


def _aliases(identity: Identity, available: Sequence[Credential], known: Known) -> Iterator[ListedModel]:
    for name in known.aliases:
        with suppress(GatewayError):
            yield ListedModel(name, routed(name, identity, available, 0.0, known)[0].provider.name)


def _targets(identity: Identity, available: Sequence[Credential], known: Known) -> Iterator[Target]:
    """Models that credentials name, well-known ones and those of the catalogue that a credential serves."""
    for provider in PROVIDERS.values():
        own = [one for one in available if one.provider == provider.name]
        for model in (*_named(own), *WELL_KNOWN.get(provider.name, ()), *known.models.get(provider.name, ())):
            target = Target(provider, model, provider.dialect_of(model) or "")
            if any(True for _ in usable(target, identity, own)):
                yield target


def _named(own: Iterable[Credential]) -> Iterator[str]:
    for credential in own:
        whole = (glob for glob in credential.models if not set(glob) & set("*?["))
        yield from (glob.removeprefix(f"{credential.provider}/") for glob in whole)
