"""Whom a relayed path is sent to: the provider of the model that it names, else the named or the only credential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from keys.entrance.identity import Identity
from keys.outward.credentials import all_credentials
from proxy_api.caching import REPLAY
from proxy_api.endpoints import relays, unsupported
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.providers import PROVIDERS
from proxy_api.routing import Target, is_granted, no_key, routes_for, tiers, usable, visible
from proxy_api.upstream import Route

Home = Literal["there", "elsewhere", "unknown"]


def routes_of(path: str, model: str, identity: Identity, endpoint_name: str | None) -> Sequence[Route]:
    """The routes of a relayed path, at least one. model: "" where none is named. Raises BadRequest and the routing
    errors."""
    try:
        routes = routes_for(model, identity, endpoint_name) if model else ()
    except GatewayError as error:
        if endpoint_name is None or error.status != 404:
            raise
        routes = ()  # the name of a credential is enough, whatever the catalogue knows of the model
    if not routes:
        return (by_credential(path, model, identity, endpoint_name),)
    having = tuple(route for route in routes if relays(path, route.provider, route.dialect))
    if not having:
        names = ", ".join(dict.fromkeys(route.provider.name for route in routes))
        raise unsupported(f"The provider of this model ({names}) has no /{path} that can be relayed to.")
    return having


def by_credential(path: str, model: str, identity: Identity, endpoint_name: str | None) -> Route:
    """The one credential that comes first. Files and batches live where they were made: none is picked at random."""
    available = visible(all_credentials(), identity, endpoint_name)
    targets = [Target(provider, model) for provider in PROVIDERS.values() if relays(path, provider)]
    allowed = [target for target in targets if is_granted(identity, target.provider.name, target.model)]
    found = tiers((to, own) for to in allowed for own in usable(to, identity, available))
    if not found:
        raise no_key(model or f"/{path}")
    to, own = found[0][0]
    if any((one.provider, credential.id) != (to.provider, own.id) for one, credential in found[0]):
        message = (
            "Several credentials could answer this: name a model as `provider/model`, or one in x-bt-endpoint-name."
        )
        raise BadRequest(message, param="model", code="ambiguous_provider")
    return Route(to.provider, model, own)


def refuse_unnamed(identity: Identity) -> None:
    """A key that is limited to models must say which one it uses where everybody reads the same: in a JSON body."""
    if identity.rights.models or identity.rights.only_model is not None:
        raise GatewayError(
            "The key that was sent may use some models only: a relayed request must name one of them in a JSON body.",
            status=403,
            type="permission_error",
            code="model_not_allowed",
            param="model",
            outcome="refused",
        )


def home_of(path: str, model: Any, identity: Identity, endpoint_name: str | None) -> Home:
    """Whether one of this model's providers has the path; `unknown` where none of them is known, which is said where
    the call is passed on. In a replay no provider is asked."""
    if not isinstance(model, str):
        return "unknown"
    if identity.cassette == REPLAY:
        return "there"
    try:
        routes = routes_for(model, identity, endpoint_name)
    except GatewayError:
        return "unknown"
    return "there" if any(relays(path, route.provider, route.dialect) for route in routes) else "elsewhere"
