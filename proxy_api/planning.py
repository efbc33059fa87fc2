"""What is decided about a call before its first attempt: the cache rule, the routes, and where its completion is kept.

Pure but for the snapshots in memory (routes, the pepper). A slot is bound to all that can make another answer: who
asks, whom, and what, with every header that travels on; never to the credential.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cache_admin.completions import cassette_slot
from cache_admin.sealed import Slot
from keys.secrecy.pepper import pepper
from keys.secrecy.sealing import derived_key
from keys.settled import settings
from proxy_api import body as request_body
from proxy_api import caching
from proxy_api.caching import REPLAY, Policy
from proxy_api.endpoints import serving
from proxy_api.flight import Call, Plan
from proxy_api.joining.lease import Lease
from proxy_api.providers.address import address
from proxy_api.routing import first_configured, routes_for
from proxy_api.upstream import Route

CASSETTE = b"dragoman cassette"  # no secret: a request has one name in all installations
UNUSED = Slot(b"", "")


def planned(call: Call) -> Plan:
    """The plan of a call. A replay has no routes: it works without any credential. Raises BadRequest and the routing
    errors."""
    caching.stream_format(call.headers, call.stream)
    rules = rules_of(call)
    if call.identity.cassette == REPLAY:
        return replay(call, rules)
    endpoint_name = call.headers.get("x-bt-endpoint-name")
    routes = serving(call.endpoint, routes_for(call.body.value["model"], call.identity, endpoint_name))
    if not (rules.involved or rules.stale_if_error):
        return Plan(routes, rules, UNUSED)
    if call.identity.cassette:
        return replace(replay(call, rules), routes=routes)
    target = target_of(call, routes, endpoint_name or "")
    said = request_body.form(call.body)
    digest = caching.digest(pepper("cache digest"), call.identity.scope, target, call.headers, said)
    slot = for_caller(call, Slot(digest, call.identity.scope), said)
    return Plan(routes, rules, slot, lease=leased(call, rules, slot))


def rules_of(call: Call) -> Policy:
    """The cache rule for a call. Raises BadRequest."""
    identity, endpoint = call.identity, call.endpoint
    mode, ttl = identity.cache_mode or "auto", settings.DRAGOMAN_CACHE_TTL
    if identity.cassette:
        rules = caching.cassette_policy(identity.cassette, call.headers)
    else:
        rules = caching.policy(call.headers, call.body.value, mode, ttl, endpoint.repeats)
    if endpoint.once is None or not rules.involved:
        return rules
    outright = bool(identity.cassette) or caching.asks_outright(call.headers, mode)
    why = endpoint.once(call.body.value, outright)
    return caching.held_back(rules, why) if why else rules


def target_of(call: Call, routes: Sequence[Route], endpoint_name: str) -> tuple[str, ...]:
    """Whom a call asks: the first configured route, before weights, cooldown and fallback, so that an alias pointed
    elsewhere finds no old answer."""
    route = first_configured(routes)
    asked = (call.endpoint.name, route.provider.name, address(route), route.model, route.dialect)
    return (*asked, endpoint_name, call.selected.organization, strictness(strict=call.strict))


def strictness(*, strict: bool) -> str:
    """A strict caller has no use for an answer to less than was asked."""
    return "strict" if strict else ""


def replay(call: Call, rules: Policy) -> Plan:
    """A plan with the slot of the project's cassette, which depends on what is asked alone: neither on a route nor on
    a key, nor on the installation but for its pepper."""
    said = request_body.form(call.body)
    name = cassette_name(call.endpoint.name, strictness(strict=call.strict), call.headers, said)
    slot = cassette_slot(call.identity.rights.project, name)
    slot = for_caller(call, slot, said)
    return Plan((), rules, slot, cassette=True, lease=leased(call, rules, slot))


def leased(call: Call, rules: Policy, slot: Slot) -> Lease | None:
    """The wish to lead it, of a call that equal ones may join."""
    return Lease(slot.name, call.id) if rules.shares else None


def cassette_name(endpoint: str, strictly: str, headers: Mapping[str, str], said: bytes) -> bytes:
    """What every cassette calls a request: said is its body's form()."""
    return caching.digest(CASSETTE, "", (endpoint, strictly), headers, said)


def for_caller(call: Call, slot: Slot, said: bytes) -> Slot:
    """Where the key seals to its caller: a slot of this token's own, sealed under what only the request and the token
    make together. Neither is kept, so whoever has the database, Redis and the master keys cannot open it."""
    mark = call.identity.caller_mark
    if not mark:
        return slot
    secret = caching.digest(pepper("sealed to the caller"), slot.scope, (), call.headers, said)
    own = hashlib.blake2b(slot.digest, key=mark, digest_size=32).digest()
    return Slot(own, slot.scope, derived_key(secret + mark, b"sealed to the caller"))
