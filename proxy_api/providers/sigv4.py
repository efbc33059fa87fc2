"""AWS Signature Version 4 and Bedrock's API keys: the headers that authorise one request. Pure: time is an argument.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (the steps and their names)
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html (an API key is a bearer token)
Invariant: a secret access key leaves this module only as an HMAC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from urllib.parse import quote, unquote_plus, urlsplit

from proxy_api.errors import BadRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"
_SPACES = re.compile(r" +")


@dataclass(frozen=True, slots=True)
class AwsKey:
    """An access key. token: of a temporary one."""

    id: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        return "AwsKey(...)"


@dataclass(frozen=True, slots=True)
class Signable:
    """The request as it is sent. url: absolute, its path percent-encoded as on the wire; headers: those to be signed
    beside host and date, names lower-case; body: None where it comes in pieces, so that nothing can be signed."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def authorization(secret: str, request: Signable, region: str, now: float, name: str = "bedrock") -> dict[str, str]:
    """The headers for a secret of either kind: `id:secret[:token]` signs; a Bedrock API key, which has no colon, is a
    bearer token.

    region: as in the address (us-east-1); now: Unix seconds; name: AWS's signing name of what is called. Raises
    BadRequest where there is no whole body to sign: AWS takes unsigned ones for S3 alone."""
    if ":" not in secret:
        return {"authorization": f"Bearer {secret}"}
    return signed(AwsKey(*secret.split(":", 2)), request, Scope(region, name, now))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for. now: Unix seconds; the signature holds for some minutes around it."""

    region: str
    name: str
    now: float

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y%m%dT%H%M%SZ")

    def __str__(self) -> str:
        return f"{self.time[:8]}/{self.region}/{self.name}/aws4_request"


def signed(key: AwsKey, request: Signable, scope: Scope) -> dict[str, str]:
    """The headers to add: authorization, x-amz-date and, for a temporary key, x-amz-security-token."""
    added = {"x-amz-date": scope.time} | ({"x-amz-security-token": key.token} if key.token else {})
    headers = {**request.headers, **added, "host": urlsplit(request.url).netloc}
    names = ";".join(sorted(headers))
    told = f"{_ALGORITHM}\n{scope.time}\n{scope}\n{_digest(_canonical(request, headers).encode())}"
    signature = _mac(_signing_key(key, scope), told).hex()
    said = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**added, "authorization": said}


def _canonical(request: Signable, headers: Mapping[str, str]) -> str:
    """Step 1. The path is encoded once more than on the wire, which AWS wants everywhere but for S3."""
    parts = urlsplit(request.url)
    lines = [f"{name}:{_SPACES.sub(' ', headers[name].strip())}" for name in sorted(headers)]
    path, query = quote(parts.path or "/", safe="/" + _UNRESERVED), _query(parts.query)
    return "\n".join(
        [request.method, path, query, *lines, "", ";".join(sorted(headers)), _digest(_whole(request.body))]
    )


def _whole(body: bytes | None) -> bytes:
    if body is None:
        raise BadRequest(
            "This body is passed on while it comes, and the provider's credential, an AWS access key, signs whole "
            "bodies alone. The operator can add a Bedrock API key.",
            code="unsupported_upload",
        )
    return body


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs))


def _encoded(text: str) -> str:
    return quote(unquote_plus(text), safe=_UNRESERVED)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    return digest(key, text.encode(), "sha256")


def _signing_key(key: AwsKey, scope: Scope) -> bytes:
    derived = f"AWS4{key.secret}".encode()
    for text in str(scope).split("/"):
        derived = _mac(derived, text)
    return derived
