"""Where a request came from: the connection's other end, or, behind proxies that the operator trusts, what they say.

X-Forwarded-For is a list to which each proxy adds whom it heard (RFC 7239, 5.2): read from the right, the first address
that is no trusted proxy is the client. What stands before it was written by anybody. Pure but for the setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keys.entrance.identity import Network, lies_in
from keys.settled import settings


def client_address(environ: Mapping[str, Any]) -> str:
    """The client's address as text, without a port; "" on a socket that has none. What a trusted proxy wrote and is no
    address comes back as it is: it lies in no network."""
    trusted: Sequence[Network] = settings.DRAGOMAN_TRUSTED_PROXIES
    address = str(environ.get("REMOTE_ADDR") or "")
    forwarded = environ.get("HTTP_X_FORWARDED_FOR") if trusted else None
    hops = [without_port(hop.strip()) for hop in str(forwarded or "").split(",") if hop.strip()]
    while hops and lies_in(address, trusted):
        address = hops.pop()
    return address


def without_port(hop: str) -> str:
    """An address of which some proxies also tell the port: 192.0.2.1:443, [2001:db8::1]:443."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
