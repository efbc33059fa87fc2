"""From the model that was asked for to the routes that may answer, in the order in which they are tried.

`provider/model` names the provider, `provider:dialect/model` also its wire language; a bare name means whoever the
catalogue says, and whoever has a credential whose model list names it. Credentials of one model are tried from a
uniformly random start, in turn. Pure but for `routes_for` and `listed_models`, which read the snapshot of credentials.
Invariant: a credential is only ever paired with its own provider.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from keys.credentials import Credential, all_credentials
from keys.identity import Identity
from proxy_api.catalog import WELL_KNOWN, providers_of
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Provider, Route


class Target(NamedTuple):
    """A model at a provider."""

    provider: Provider
    model: str
    dialect: str = ""

    def names(self) -> tuple[str, str]:
        """What the model lists of keys and credentials may call it."""
        return f"{self.provider.name}/{self.model}", self.model


class ListedModel(NamedTuple):
    """A line of GET /v1/models."""

    id: str
    provider: str


def routes_for(asked: str, identity: Identity, endpoint_name: str | None = None) -> tuple[Route, ...]:
    """The routes for a model name, at least one. endpoint_name: use only credentials of exactly this name.

    Raises GatewayError 404 model_not_found (unknown, or nobody has a key for it), 403 model_not_allowed.
    """
    chance = random.random()  # noqa: S311 - it spreads load and keeps no secret
    available = [one for one in all_credentials() if endpoint_name is None or one.name == endpoint_name]
    if endpoint_name is not None and not available:
        raise no_key(asked)
    return routed(asked, identity, available, chance)


def routed(asked: str, identity: Identity, available: Sequence[Credential], chance: float) -> tuple[Route, ...]:
    """`routes_for` without the world: the credentials that may be used, environment first, and a number in [0, 1)."""
    targets = meant(asked, available)
    if not targets:
        raise unknown_model(asked)
    allowed = [target for target in targets if identity.may_use(*target.names())]
    if not allowed:
        raise not_allowed(asked)
    pairs = [(target, credential) for target in allowed for credential in usable(target, identity, available)]
    if not pairs:
        raise no_key(asked)
    routes = [Route(one.provider, one.model, credential, at, one.dialect) for at, (one, credential) in enumerate(pairs)]
    start = int(chance * len(routes))
    return (*routes[start:], *routes[:start])


def first_configured(routes: Sequence[Route]) -> Route:
    """The route that stands first whatever the random start: what a cache key may depend on."""
    return min(routes, key=lambda route: route.position)


# -- names -------------------------------------------------------------------------------------------------------
def meant(asked: str, available: Iterable[Credential]) -> tuple[Target, ...]:
    """The targets that a name means; () for a name that means nothing here."""
    head, slash, model = asked.partition("/")
    name, colon, word = head.partition(":")
    provider = PROVIDERS.get(name.lower())
    if slash and provider:
        dialect = provider.dialect_of(model, word) if word or not colon else None
        return (Target(provider, model, dialect),) if model and dialect else ()
    naming = (credential.provider for credential in available if names_it(credential, asked))
    found = dict.fromkeys((*providers_of(asked), *naming))
    known = (PROVIDERS[one] for one in found if one in PROVIDERS)
    return tuple(Target(provider, asked, provider.dialect_of(asked) or "") for provider in known)


def names_it(credential: Credential, model: str) -> bool:
    """A credential's list names a model that the catalogue need not know; `*` alone names nothing."""
    return any(glob != "*" and fnmatchcase(model, glob) for glob in credential.models)


# -- credentials -------------------------------------------------------------------------------------------------
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
    base_url = next((credential.base_url for credential in own if credential.trusted and credential.base_url), None)
    if base_url or provider.base_url:
        secret, trusted = identity.provider_key, base_url is not None
        yield Credential(id="", name="", provider=provider.name, secret=secret, base_url=base_url, trusted=trusted)


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
    """What this key may call, by its bare name where that leads to the provider, and as `provider/model`."""
    return tuple(listed(identity, all_credentials()))


def listed(identity: Identity, available: Sequence[Credential]) -> Iterator[ListedModel]:
    """`listed_models` without the world."""
    for name, target in {target.names()[0]: target for target in _targets(identity, available)}.items():
        if identity.may_use(*target.names()):
            if target in meant(target.model, available):
                yield ListedModel(target.model, target.provider.name)
            yield ListedModel(name, target.provider.name)


def _targets(identity: Identity, available: Sequence[Credential]) -> Iterator[Target]:
    """Models that credentials name, and the well-known ones that a credential serves."""
    for provider in PROVIDERS.values():
        for model in (*_named(provider, available), *WELL_KNOWN.get(provider.name, ())):
            target = Target(provider, model, provider.dialect_of(model) or "")
            if any(True for _ in usable(target, identity, available)):
                yield target


def _named(provider: Provider, available: Iterable[Credential]) -> Iterator[str]:
    for credential in available:
        if credential.provider == provider.name:
            yield from (
                glob.removeprefix(f"{provider.name}/") for glob in credential.models if not set(glob) & set("*?[")
            )
