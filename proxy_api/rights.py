"""What a key says of where its calls come from and of what they ask for, held against one call. Pure."""

from __future__ import annotations

from keys.entrance.identity import Identity
from proxy_api.errors import GatewayError


def check_endpoint(identity: Identity, name: str) -> None:
    """name: `chat/completions`, ... Raises GatewayError 403."""
    if not identity.may_call(name):
        raise refused(f"The key that was sent may not call /{name}.", "endpoint_not_allowed")


def check_network(identity: Identity, address: str) -> None:
    """address: the client's. Raises GatewayError 403."""
    if not identity.may_come_from(address):
        raise refused("The key that was sent may not be used from this network.", "network_not_allowed")


def refused(message: str, code: str, param: str | None = None) -> GatewayError:
    return GatewayError(message, status=403, type="permission_error", code=code, param=param, outcome="refused")
