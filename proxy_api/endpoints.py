"""OpenAI's endpoints that the gateway serves, as data: what each takes, who has it, how its answers look.

Adding one is adding a row here, an address in urls.py and an entry in openapi.py. What has no row, and whose first word
stands in RELAYED, is passed on as it is (see passthrough.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from proxy_api import body, forms, relay, relay_embeddings, relay_responses, shape, shape_endpoints, shape_responses
from proxy_api.catalog.kinds import Kind, kind_of
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.unrepeatable import why_once
from proxy_api.upstream import Provider, Route


class WayFor(Protocol):
    """The way back for a route of this endpoint: relay.way_for and its like."""

    def __call__(self, route: Route, body: body.Body, keeping: relay.Keeping) -> relay.Way: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of OpenAI's endpoints.

    name: its path, as the ledger and the cache key have it; check: the validator of its requests, raises BadRequest;
    form, way: how its answers look and come back; path: what follows the provider's address, None: as the route's
    dialect says; has: the providers that can be asked, None: all; kind: the models that it is for, None: any;
    repeats: always cacheable; free: nobody pays for it; default_model: meant where a request names none;
    max_nodes: JSON values of a request; named: what its requests call a param that has chat's name here, None: as chat;
    once: why the answer to a request may not be given again, in one word ("" where it may), by whether the caller asks
    for that outright.
    """

    name: str
    check: Callable[[dict[str, Any]], None]
    form: forms.Form
    way: WayFor
    path: Callable[[Route], str] | None = None
    has: Callable[[Provider], bool] | None = None
    kind: Kind | None = None
    repeats: bool = False
    free: bool = False
    default_model: str = ""
    max_nodes: int = body.MAX_NODES
    named: Callable[[str], str] | None = None
    once: Callable[[Mapping[str, Any], bool], str] | None = None


def at_openai(name: str, form: forms.Form, **more: Any) -> Endpoint:
    """An endpoint that speaks OpenAI's language alone, at the providers whose row names it."""

    def way(route: Route, body: body.Body, keeping: relay.Keeping) -> relay.Way:
        return relay.Verbatim(route, body, keeping.keep, form)

    def path(route: Route) -> str:
        return f"/{name}"

    def has(provider: Provider) -> bool:
        return name in provider.endpoints

    return Endpoint(name, form=form, path=path, has=has, **{"way": way, **more})


CHAT = Endpoint("chat/completions", shape.check_chat, forms.CHAT, relay.way_for)
COMPLETIONS = at_openai("completions", forms.COMPLETIONS, check=shape_endpoints.check_completions, kind="completion")
MODERATIONS = at_openai(
    "moderations",
    forms.MODERATIONS,
    check=shape_endpoints.check_moderations,
    kind="moderation",
    repeats=True,
    free=True,  # https://platform.openai.com/docs/guides/moderation
    default_model="omni-moderation-latest",  # https://developers.openai.com/api/reference/resources/moderations
)
EMBEDDINGS = Endpoint(
    "embeddings",
    shape_endpoints.check_embeddings,
    forms.EMBEDDINGS,
    relay_embeddings.way_for,
    relay_embeddings.path_of,
    has=lambda provider: bool(provider.embeddings),
    kind="embedding",
    repeats=True,
    max_nodes=400_000,  # OpenAI takes 300,000 tokens in a request, and each may be a number of its own
)

# For models whose provider does not have it.
RESPONSES = Endpoint(
    "responses",
    shape_responses.check_responses,
    forms.RESPONSES,
    relay_responses.way_for,
    named=relay_responses.param_named,
)
# At a provider that has it, where the answer may be kept; any other call is passed on (passthrough.py).
RESPONSES_AS_IT_CAME = at_openai(
    "responses",
    forms.RESPONSES,
    check=shape_responses.check_as_it_comes,
    way=relay_responses.AsItCame,
    once=why_once,
)

# Where a model of a kind is served; for /auto, and said to who asks elsewhere.
HOME: Mapping[Kind, Endpoint] = {
    "chat": CHAT,
    "completion": COMPLETIONS,
    "embedding": EMBEDDINGS,
    "moderation": MODERATIONS,
}
AUTO = "auto"
_AUTO: Mapping[Kind | None, Endpoint] = {
    None: replace(CHAT, name=AUTO),
    "chat": replace(CHAT, name=AUTO),
    "completion": replace(COMPLETIONS, name=AUTO),
}


def auto(model: str) -> Endpoint:
    """Chat or completions, as the model is one of them. Raises BadRequest with the reference's text for any other."""
    found = _AUTO.get(kind_of(model[: shape.MAX_MODEL]))
    if found is None:
        message = f"Unsupported model {model[: shape.MAX_MODEL]} (must be chat or completion for /auto endpoint)"
        raise BadRequest(message, param="model", code="unsupported_model")
    return found


def serving(endpoint: Endpoint, routes: Sequence[Route]) -> Sequence[Route]:
    """Those of the routes that the endpoint can be asked of. Raises BadRequest: all models are for something else, or
    no provider of theirs has it."""
    if endpoint.has is None:
        return routes
    fitting = [route for route in routes if endpoint.kind is None or kind_of(route.model) in (endpoint.kind, None)]
    if not fitting:
        raise another_kind(endpoint, routes[0].model)
    having = tuple(route for route in fitting if endpoint.has(route.provider))
    if not having:
        names = ", ".join(dict.fromkeys(route.provider.name for route in fitting))
        raise unsupported(f"The provider of this model ({names}) has no /{endpoint.name}.")
    return having


def another_kind(endpoint: Endpoint, model: str) -> BadRequest:
    kind = kind_of(model)
    home = HOME.get(kind) if kind else None
    hint = f" Did you mean /{home.name}?" if home else ""
    return unsupported(f"{model} is a model for {kind} and not supported on /{endpoint.name}.{hint}")


def unsupported(message: str) -> BadRequest:
    return BadRequest(message, param="model", code="unsupported_model")


# -- relayed paths -------------------------------------------------------------------------------------------------
# The first words of paths that are passed on. OpenAI's: https://developers.openai.com/api/reference ; rerank: Cohere's,
# Jina's and vLLM's; ocr, fim, agents, classifications: https://docs.mistral.ai/api .
RELAYED = frozenset(
    {"agents", "assistants", "audio", "batches", "classifications", "containers", "conversations", "evals", "files"}
    | {"fim", "fine_tuning", "images", "ocr", "rerank", "responses", "threads", "uploads", "vector_stores", "videos"}
)
# Only at providers whose row names them; the rest is relayed to any that speaks OpenAI's language.
NAMED = frozenset({"responses"})
# A segment as ids and words of this API are: no dots alone, no scheme, nothing that needs an escape.
_PATH = re.compile(r"[a-z_]+(/(?!\.+(/|$))[A-Za-z0-9._~:@+=,-]{1,256}){0,8}")


def relayed(path: str) -> str:
    """The path as it is passed on, without a slash at the end. Raises GatewayError 404 for any that is not known."""
    path = path.rstrip("/")
    if not _PATH.fullmatch(path) or first_word(path) not in RELAYED:
        raise BadRequest("Unknown request URL.", status=404, code="unknown_url")
    return path


def first_word(path: str) -> str:
    return path.partition("/")[0]


def relays(path: str, provider: Provider, dialect: str = "") -> bool:
    """Whether a relayed path can be asked of this provider. dialect: what a route to it speaks, if not the usual."""
    word = first_word(path)
    speaks = relay.CLIENT_DIALECT.name in (provider.dialect, dialect)
    return word in provider.endpoints or (speaks and word not in NAMED)


def passing(path: str) -> Endpoint:
    """A relayed path as an endpoint: for the ledger, nothing more."""
    return Endpoint(path, check=lambda _: None, form=forms.CHAT, way=relay.way_for)


def takes_uploads(path: str) -> bool:
    """Whether a body at this path of ours (`/v1/proxy/...`) is passed on as it comes, so may be larger than JSON."""
    return path.startswith("/v1/proxy/") and first_word(path.removeprefix("/v1/proxy/")) in RELAYED


def no_websocket() -> GatewayError:
    """realtime is a websocket, and this server speaks plain HTTP (WSGI)."""
    return GatewayError("Realtime sessions are not served here.", status=501, code="not_implemented")
