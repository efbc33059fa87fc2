"""Trying a credential: what is asked of whom, and what an operator reads of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from keys.outward.credentials import Credential
from keys.outward.probing import probe
from keys.secrecy.secret import Secret
from proxy_api.probe import NOTHING, probed
from proxy_api.providers import PROVIDERS, located
from proxy_api.upstream import MODELS, Route
from tests.bodies import openai_error
from tests.loopback import Upstream, answer, close

KEY = "sk-planted-key-4711"
OPTIONS = dict.fromkeys(("region", "location", "project", "resource", "host", "account", "account_id"), "there")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        server.script(answer(b'{"data": []}'))
        yield server


def credential(upstream: Upstream, provider: str = "openai", path: str = "/v1", **fields: Any) -> Credential:
    given = {"secret": Secret(KEY), "base_url": f"{upstream.url}{path}", "trusted": True, **fields}
    return Credential(id="c", name="c", provider=provider, **given)


def test_a_key_that_is_known_is_told_with_its_status_and_its_time(upstream: Upstream) -> None:
    found = probe(credential(upstream, headers={"x-team": "search"}))
    assert (found.ok, found.status, found.said) == (True, 200, "The provider answered.")
    assert 0 < found.seconds < 5
    (call,) = upstream.calls
    assert (call.method, call.path, call.body) == ("GET", "/v1/models", b"")
    assert (call.headers["authorization"], call.headers["x-team"]) == (f"Bearer {KEY}", "search")


@pytest.mark.parametrize(
    ("provider", "path", "asked", "header"),
    [
        ("anthropic", "/v1", "/v1/models", "x-api-key"),
        ("google", "/v1beta", "/v1beta/models", "x-goog-api-key"),
        ("openrouter", "/api/v1", "/api/v1/key", "authorization"),
        ("cohere", "/v2", "/v1/models?page_size=1", "authorization"),
        ("azure", "", "/openai/models?api-version=2024-10-21", "api-key"),
        ("azure", "/openai/v1", "/openai/models?api-version=2024-10-21", "api-key"),
        ("azure", "/openai/deployments/d", "/openai/models?api-version=2024-10-21", "api-key"),
        ("bedrock", "", "/async-invoke?maxResults=1", "authorization"),
        ("databricks", "/serving-endpoints", "/api/2.0/serving-endpoints", "authorization"),
        ("databricks", "/gateway", "/gateway/models", "authorization"),
        ("ollama", "", "/v1/models", "authorization"),
    ],
)
def test_each_provider_is_asked_what_its_row_names(
    upstream: Upstream, provider: str, path: str, asked: str, header: str
) -> None:
    assert probed(credential(upstream, provider, path)).ok
    assert upstream.calls[0].path == asked
    assert KEY in upstream.calls[0].headers[header]


@pytest.mark.parametrize("name", [name for name, row in PROVIDERS.items() if row.base_url and row.probe])
def test_what_is_read_lies_on_the_host_that_calls_go_to(name: str) -> None:
    row = PROVIDERS[name]
    own = Credential(id="c", name="c", provider=name, secret=Secret(KEY), options=OPTIONS)
    assert row.probe
    there = located(Route(replace(row, mounts=(row.probe, MODELS)), "", own), "")
    assert urlsplit(there).netloc == urlsplit(located(Route(row, "m", own), "/chat")).netloc
    assert "{" not in there
    assert there != row.base_url


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_the_providers_own_sentence_is_told_without_the_key(upstream: Upstream, status: int) -> None:
    upstream.script(answer(openai_error(f"Incorrect API key provided: {KEY}."), status))
    found = probed(credential(upstream))
    assert (found.ok, found.status, found.said) == (False, status, "Incorrect API key provided: [key].")


def test_a_part_of_the_secret_for_a_header_is_hidden_too(upstream: Upstream) -> None:
    upstream.script(answer(openai_error("No gateway for cf-planted-part"), 403))
    secret = Secret(json.dumps({"key": KEY, "gw": "cf-planted-part"}))
    assert probed(credential(upstream, secret=secret)).said == "No gateway for [key]"


def test_a_redirect_and_a_silent_end_are_failures(upstream: Upstream) -> None:
    upstream.script(answer(b"", 307))
    assert (probed(credential(upstream)).ok, upstream.count) == (False, 1)
    upstream.script(close)
    found = probed(credential(upstream))
    assert (found.ok, found.status) == (False, None)


def test_an_address_from_the_admin_has_to_pass_the_gate(upstream: Upstream) -> None:
    found = probed(credential(upstream, trusted=False))
    assert (found.ok, found.status, upstream.connections) == (False, None, 0)


def test_a_secret_that_does_not_open_is_not_tried(upstream: Upstream) -> None:
    found = probed(credential(upstream, secret=None, broken=True))
    assert (found.ok, found.said) == (False, "The provider key cannot be unsealed.")
    assert upstream.connections == 0


@pytest.mark.parametrize("provider", ["vertex", "nvidia", "snowflake"])
def test_where_there_is_nothing_to_read_that_is_said(upstream: Upstream, provider: str) -> None:
    found = probed(credential(upstream, provider))
    assert (found.ok, found.said, upstream.connections) == (None, NOTHING, 0)


def test_a_provider_that_is_gone_is_said(upstream: Upstream) -> None:
    assert probed(credential(upstream, "gone")).said == "There is no such provider."


def test_a_token_that_a_secret_gives_is_proof_where_there_is_nothing_to_read(upstream: Upstream) -> None:
    upstream.script(answer(b'{"access_token": "ya29.t", "expires_in": 3600}'))
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    secret = Secret(json.dumps({**user, "token_uri": f"{upstream.url}/token"}))
    found = probed(credential(upstream, "vertex", secret=secret))
    assert (found.ok, found.said) == (True, "The secret was exchanged for an access token.")
    assert [call.path for call in upstream.calls] == ["/token"]
