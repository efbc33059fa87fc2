"""The headers that carry a credential's secret, or what it was exchanged for. Pure: time is an argument.

Invariant: a secret of several parts is never sent itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from keys.secrecy.secret import key_of, parts_of
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.providers import sigv4
from proxy_api.providers.address import option
from proxy_api.upstream import Route

# RFC 9110 section 5.5 without what a key never holds: reliability F7, requests would send NUL and raw Latin-1.
_KEY = re.compile(r"[\x21-\x7e]+")
_SHORTEST = 8  # characters; a shorter one is a word like `none`, for a server that asks for no key
_HEADERS = {"google": "x-goog-api-key", "azure": "api-key"}
# Secrets that are access tokens and not keys: they are sent as such wherever the keys go.
# https://platform.claude.com/docs/en/api/overview, https://cloud.google.com/docs/authentication/token-types,
# https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference#authentication
_TOKENS: Mapping[str, re.Pattern[str]] = {
    "x-api-key": re.compile(r"sk-ant-oat"),
    "google": re.compile(r"ya29\."),
    "azure": re.compile(r"eyJ"),
}


def authorization(route: Route, request: sigv4.Signable, now: float) -> dict[str, str]:
    """The headers to add to `request`; {} where there is no secret to send. now: Unix seconds, for signatures.
    Raises UpstreamError for a secret that no header can hold: another credential may do."""
    if route.credential.broken:
        raise _unusable("The provider key cannot be unsealed.")
    secret = route.token or route.credential.secret
    if secret is None:
        return {}
    key, auth = key_of(secret.reveal()), route.provider.auth
    if auth == "aws":
        key = _aws(key)
    if not _KEY.fullmatch(key) or key.startswith("{"):
        raise _unusable("The provider key cannot be sent in a header.")
    if auth == "aws":
        return sigv4.authorization(key, request, option(route, "region"), now, route.provider.signing_name)
    if route.token is not None or auth == "bearer" or (auth in _TOKENS and _TOKENS[auth].match(key)):
        return {"authorization": f"Bearer {key}"}
    return {_HEADERS.get(auth, auth): key}


def hide_key(route: Route, error: GatewayError) -> None:
    """Providers quote the key that they were called with; neither client nor ledger is to have it."""
    for key in _texts(route):
        if len(key) >= _SHORTEST:
            error.message = error.message.replace(key, "[key]")


def _texts(route: Route) -> Iterator[str]:
    for secret in (route.token, route.credential.secret):
        if secret is not None:
            yield secret.reveal()
            yield from (parts_of(secret.reveal()) or {}).values()


def _aws(key: str) -> str:
    """An access key's parts as the signer takes them, `id:secret[:token]`; anything else as it is."""
    parts = parts_of(key)
    names = ("access_key_id", "secret_access_key", "session_token")
    return ":".join(filter(None, map(parts.get, names))) if parts else key


def _unusable(message: str) -> UpstreamError:
    return UpstreamError(message, code="provider_auth", retryable=True)
