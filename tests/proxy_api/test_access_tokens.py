import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api import access_tokens
from proxy_api.access_tokens import authorized
from proxy_api.errors import UpstreamError
from proxy_api.providers import PROVIDERS, tokens
from proxy_api.providers.clouds import CLOUDS
from proxy_api.upstream import Route
from tests.loopback import Upstream, answer, hang

ROWS = {row.name: row for row in CLOUDS}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


@pytest.fixture
def endpoint() -> Iterator[Upstream]:
    access_tokens.forget()
    with Upstream() as upstream:
        yield upstream


def account(upstream: Upstream, **fields: str) -> dict[str, str]:
    given = {"type": "service_account", "client_email": "a@p.iam", "private_key": PEM, "private_key_id": "k1"}
    return {**given, "token_uri": f"http://127.0.0.1:{upstream.port}/token", **fields}


def route(provider: str, parts: dict[str, str], **fields: Any) -> Route:
    given = {"id": "c", "trusted": True, **fields}
    return Route(
        ROWS[provider], "m", Credential(name="c", provider=provider, secret=Secret(json.dumps(parts)), **given)
    )


def token(text: str = "ya29.x", lifetime: float = 3600) -> Any:
    return answer(json.dumps({"access_token": text, "expires_in": lifetime}).encode())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_service_account_signs_for_a_token(endpoint: Upstream) -> None:
    endpoint.script(token())
    given = authorized(route("vertex", account(endpoint)))
    assert given.token == Secret("ya29.x")
    (call,) = endpoint.calls
    form = dict(parse_qsl(call.body.decode()))
    assert (call.path, form["grant_type"]) == ("/token", "urn:ietf:params:oauth:grant-type:jwt-bearer")
    header, claims, signature = form["assertion"].split(".")
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    told = json.loads(decoded(claims))
    assert (told["iss"], told["aud"], told["exp"] - told["iat"]) == ("a@p.iam", account(endpoint)["token_uri"], 3600)
    signed = f"{header}.{claims}".encode()
    KEY.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())


def test_a_token_is_kept_until_a_minute_before_its_end(endpoint: Upstream) -> None:
    endpoint.then(token("first", lifetime=60.2), token("second"))
    meant = route("vertex", account(endpoint))
    assert authorized(meant).token == authorized(meant).token == Secret("first")
    assert endpoint.wait_until(lambda: authorized(meant).token == Secret("second"))
    assert endpoint.count == 2


def test_calls_that_come_at_once_make_one_exchange(endpoint: Upstream) -> None:
    endpoint.script(token())
    meant, found = route("vertex", account(endpoint)), []
    threads = [threading.Thread(target=lambda: found.append(authorized(meant).token)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, endpoint.count) == ([Secret("ya29.x")] * 8, 1)


def test_an_endpoint_that_refuses_is_quoted_and_not_asked_again_at_once(endpoint: Upstream) -> None:
    endpoint.script(answer(b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}', status=400))
    meant = route("vertex", account(endpoint))
    for _ in range(2):
        with pytest.raises(UpstreamError) as caught:
            authorized(meant)
        assert (caught.value.code, caught.value.retryable) == ("provider_auth", True)
        assert "Invalid JWT Signature." in caught.value.message
    assert endpoint.count == 1


def test_an_application_of_entra_gets_its_token_by_its_secret(endpoint: Upstream) -> None:
    endpoint.script(token("eyJ.a.b"))
    parts = {"tenant_id": "t", "client_id": "i", "client_secret": "s", "token_uri": account(endpoint)["token_uri"]}
    assert authorized(route("azure", parts)).token == Secret("eyJ.a.b")
    scope = "https://cognitiveservices.azure.com/.default"
    form = {"grant_type": "client_credentials", "scope": scope, "client_id": "i", "client_secret": "s"}
    assert dict(parse_qsl(endpoint.calls[0].body.decode())) == form


def test_entras_endpoint_is_the_tenants() -> None:
    asked = tokens.entra({"tenant_id": "t/../x", "client_id": "i", "client_secret": "s"}, 0.0)
    assert asked.url == "https://login.microsoftonline.com/t%2F..%2Fx/oauth2/v2.0/token"


def test_a_users_own_credentials_are_refreshed(endpoint: Upstream) -> None:
    parts = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    asked = tokens.google(parts, 0.0)
    assert asked.url == "https://oauth2.googleapis.com/token"
    assert asked.form["grant_type"] == "refresh_token"


@pytest.mark.parametrize("fields", [{"private_key": "no key"}, {"private_key": ""}])
def test_a_broken_account_fails_without_a_call(endpoint: Upstream, fields: dict[str, str]) -> None:
    with pytest.raises(UpstreamError) as caught:
        authorized(route("vertex", account(endpoint, **fields)))
    assert caught.value.retryable
    assert endpoint.count == 0


def test_half_an_account_is_said_to_be_so() -> None:
    with pytest.raises(UpstreamError, match="client_email"):
        tokens.google({"type": "service_account"}, 0.0)


@pytest.mark.parametrize("fields", [{"id": ""}, {"trusted": False}])
def test_only_the_operators_word_lets_a_token_endpoint_be_private(endpoint: Upstream, fields: dict[str, Any]) -> None:
    endpoint.script(hang)
    with pytest.raises(UpstreamError):
        authorized(route("vertex", account(endpoint), **fields))
    assert endpoint.count == 0


def test_a_key_is_nothing_to_exchange() -> None:
    meant = Route(PROVIDERS["openai"], "m", Credential(id="c", name="c", provider="openai", secret=Secret("sk-1")))
    assert authorized(meant) is meant
    keyless = replace(meant, credential=replace(meant.credential, secret=None))
    assert authorized(keyless) is keyless
