"""Tries a credential for keys/outward/probing.py: the small read that its provider's row names, as a call is sent.

Invariant: address, secret and headers are the credential's alone, and the way is that of calls, address gate included.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

from keys.outward.credentials import Credential
from keys.outward.probing import Probed
from proxy_api import transport
from proxy_api.access_tokens import authorized
from proxy_api.dialects import DIALECTS
from proxy_api.errors import GatewayError
from proxy_api.providers import PROVIDERS, Asked, hide_key, requested
from proxy_api.transport import Deadlines
from proxy_api.upstream import MODELS, Route

DEADLINES = Deadlines(connect=3.0, first_byte=10.0, idle=5.0, total=15.0, ping=15.0)
MOST = 1 << 16  # bytes of an error's body
NOTHING = "This provider has nothing to read that a wrong key would not get: only a call can tell."


def probed(credential: Credential) -> Probed:
    """A keys.outward.probing.Prober."""
    provider = PROVIDERS.get(credential.provider)
    if provider is None:
        return Probed(None, "There is no such provider.")
    mounts = (provider.probe, MODELS) if provider.probe else ()  # the second for an address of another form
    return tried(Route(replace(provider, mounts=mounts), "", credential))


def tried(route: Route) -> Probed:
    began = time.monotonic()
    try:
        route = authorized(route)
        found = asked(route) if route.provider.mounts else untried(route)
    except GatewayError as error:
        hide_key(route, error)
        return Probed(False, error.message, seconds=time.monotonic() - began)
    return found._replace(seconds=time.monotonic() - began)


def untried(route: Route) -> Probed:
    """What can be said without asking: a secret that gave an access token is right."""
    if route.token is not None:
        return Probed(True, "The secret was exchanged for an access token.")
    return Probed(None, NOTHING)


def asked(route: Route) -> Probed:
    """The answer's status, and the provider's sentence where it is an error. Raises GatewayError where none came."""
    request = requested(route, Asked("", method="GET", now=time.time()), b"", {})
    with closing(transport.send(request, DEADLINES)) as exchange:
        while (head := exchange.head()) is None:
            pass
        if head.status < 300:
            return Probed(True, "The provider answered.", head.status)
        if head.status < 400:
            return Probed(False, "The provider wants us elsewhere: redirects are not followed.", head.status)
        body = exchange.body(MOST)
    error = DIALECTS[route.dialect].read_error(head.status, head.headers, body, own_key=True)
    hide_key(route, error)
    return Probed(False, error.message, head.status)
