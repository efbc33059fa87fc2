"""What an access token is asked for with, and what the answer says: Google's service accounts and users, Entra's apps.

Pure: proxy_api.access_tokens sends it. Both follow RFC 6749: a form to a token endpoint, a JSON object back.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from proxy_api.errors import UpstreamError

_GOOGLE = "https://oauth2.googleapis.com/token"
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ENTRA_SCOPE = "https://cognitiveservices.azure.com/.default"
_LIFE = 3600  # seconds; the longest that Google allows
_LONGEST_SENTENCE = 300


class TokenRequest(NamedTuple):
    """A form to be posted."""

    url: str
    form: Mapping[str, str]

    @property
    def body(self) -> bytes:
        return urlencode(self.form).encode()


class Token(NamedTuple):
    text: str
    lifetime: float  # seconds


def google(parts: Mapping[str, str], now: float) -> TokenRequest:
    """For a service account's file (https://developers.google.com/identity/protocols/oauth2/service-account) or a
    user's (`gcloud auth application-default login`). now: Unix seconds. Raises UpstreamError where it is neither."""
    url = parts.get("token_uri") or _GOOGLE
    try:
        if parts.get("type") == "authorized_user":
            names = ("client_id", "client_secret", "refresh_token")
            return TokenRequest(url, {"grant_type": "refresh_token", **{name: parts[name] for name in names}})
        assertion = _signed(parts, {"iss": parts["client_email"], "scope": _GOOGLE_SCOPE, "aud": url}, now)
    except KeyError as error:
        raise _unusable(f"The service account's file has no {error.args[0]}.") from None
    return TokenRequest(url, {"grant_type": _JWT_BEARER, "assertion": assertion})


def entra(parts: Mapping[str, str], now: float) -> TokenRequest:
    """For an application's secret:
    https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
    try:
        form = {name: parts[name] for name in ("client_id", "client_secret")}
        tenant = parts["tenant_id"]
    except KeyError as error:
        raise _unusable(f"The application's secret has no {error.args[0]}.") from None
    url = f"https://login.microsoftonline.com/{quote(tenant, safe='')}/oauth2/v2.0/token"
    scope = parts.get("scope") or _ENTRA_SCOPE
    return TokenRequest(parts.get("token_uri") or url, {"grant_type": "client_credentials", "scope": scope, **form})


# By the kind of authorization of a provider's row.
EXCHANGES: Mapping[str, Callable[[Mapping[str, str], float], TokenRequest]] = {"google": google, "azure": entra}


def read_answer(status: int, body: bytes) -> Token:
    """Raises UpstreamError with the endpoint's own sentence where it gave no token."""
    try:
        answer: Any = json.loads(body)
    except ValueError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    text = answer.get("access_token")
    if status != 200 or not isinstance(text, str) or not re.fullmatch(r"[\x21-\x7e]+", text):
        told = answer.get("error_description") or answer.get("error") or f"status {status}"
        raise _unusable(f"No access token was given: {str(told)[:_LONGEST_SENTENCE]}")
    lifetime = answer.get("expires_in")
    return Token(text, float(lifetime) if isinstance(lifetime, int | float) else _LIFE)


def _signed(parts: Mapping[str, str], claims: Mapping[str, Any], now: float) -> str:
    """A JWT under RS256 (RFC 7515, RFC 7518 section 3.3)."""
    header = {"alg": "RS256", "typ": "JWT", **({"kid": parts["private_key_id"]} if "private_key_id" in parts else {})}
    told = f"{_part(header)}.{_part({**claims, 'iat': int(now), 'exp': int(now) + _LIFE})}"
    key = _private_key(parts["private_key"])
    return f"{told}.{_encoded(key.sign(told.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _private_key(text: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unusable("The service account's private_key is no RSA key.")
    return key


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unusable(message: str) -> UpstreamError:
    return UpstreamError(message, code="provider_auth", retryable=True)
