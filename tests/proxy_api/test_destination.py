"""Where a call goes, with which secret and at what price is the operator's word: nothing in a request moves it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import Live
from tests.loopback import Upstream
from tests.proxy_api.asking import UPSTREAM_CHAT, hello

MODEL = "openai/destination-model"
PRICED = """
from cache_admin.models import Price
Price.objects.create(provider="openai", model="destination-model", input="3", output="7")
"""
UNPRICED = 'from cache_admin.models import Price\nPrice.objects.get(model="destination-model").delete()'
OURS = "Bearer sk-upstream-openai"
# CANARY stands for an address that must see nobody.
BODIES: tuple[dict[str, Any], ...] = (
    {"base_url": "CANARY/v1", "api_base": "CANARY", "apiBase": "CANARY", "endpoint": "CANARY", "host": "CANARY"},
    {"url": "CANARY", "proxy": "CANARY", "http_proxy": "CANARY", "proxies": {"https": "CANARY"}, "redirect": "CANARY"},
    {
        "api_key": "sk-evil",
        "apiKey": "sk-evil",
        "authorization": "Bearer sk-evil",
        "secret": "sk-evil",
        "key": "sk-evil",
    },
    {"headers": {"authorization": "Bearer sk-evil", "host": "evil.example"}, "extra_headers": {"api-key": "sk-evil"}},
    {"provider": "groq", "credential": "other", "endpoint_name": "other", "custom_llm_provider": "anthropic"},
    {"options": {"region": "evil", "resource": "evil"}, "region": "evil", "deployment": "evil", "organization": "evil"},
    {"project": "other", "project_id": "other", "weight": 1000, "priority": 0, "fallbacks": ["groq/x"]},
    {"price": 0, "cost": 0, "input_cost_per_token": 0, "output_cost_per_token": 0, "prices": {"input": 0}},
    {"timeout": 0.001, "num_retries": 1000, "cache_key": "theirs", "cache": {"ttl": 1}, "user_config": {"models": []}},
    {"extra_body": {"base_url": "CANARY", "model": "gpt-5"}, "__proto__": {"base_url": "CANARY"}},
)
HEADERS: tuple[dict[str, str], ...] = (
    {"x-api-base": "CANARY", "x-base-url": "CANARY", "openai-base-url": "CANARY", "x-upstream": "CANARY"},
    {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-host": "evil.example"},
    {
        "x-original-url": "/admin/",
        "x-rewrite-url": "/admin/",
        "x-forwarded-prefix": "/x",
        "x-http-method-override": "GET",
    },
    {"openai-organization": "org-evil", "openai-project": "proj-evil", "x-goog-api-key": "sk-evil", "cookie": "k=evil"},
    {"proxy-authorization": "Basic ZXZpbA==", "x-provider-key": "sk-evil", "x-bt-api-key": "sk-evil"},
    {
        "x-dragoman-credential": "other",
        "x-dragoman-provider": "groq",
        "x-dragoman-cost": "0",
        "x-bt-endpoint-url": "CANARY",
    },
    {"x-amz-security-token": "evil", "x-amz-date": "20000101T000000Z", "x-team": "evil", "anthropic-version": "1900"},
)


@pytest.fixture(scope="module")
def priced(running_server: Live) -> Iterator[Live]:
    running_server.python(PRICED)
    time.sleep(1)  # every worker knows it
    yield running_server
    running_server.python(UNPRICED)


@pytest.fixture
def canary() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server
        assert server.connections == 0


def aimed(value: Any, address: str) -> Any:
    if isinstance(value, dict):
        return {name: aimed(one, address) for name, one in value.items()}
    return value.replace("CANARY", address) if isinstance(value, str) else value


def went_as_configured(live: Live) -> None:
    """The one call that was made: to the configured host and path, with its key, and with no header of the caller's."""
    (call,) = live.upstream.calls
    assert (call.method, call.path) == ("POST", UPSTREAM_CHAT)
    assert (call.headers["authorization"], call.headers["host"]) == (OURS, f"127.0.0.1:{live.upstream.port}")
    assert "evil" not in str(call.headers)
    assert call.json()["model"] == "destination-model"


@pytest.mark.parametrize("fields", BODIES, ids=lambda fields: next(iter(fields)))
def test_nothing_in_a_body_moves_a_call(priced: Live, live: Live, canary: Upstream, fields: dict[str, Any]) -> None:
    found = live.chat(hello(model=MODEL, **aimed(fields, canary.url)))
    assert found.status == 200
    went_as_configured(live)
    assert found.headers["x-bt-used-endpoint"] == "OPENAI_API_KEY"
    assert found.headers["x-dragoman-cost"] == cost_of_a_plain_call(live)


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: next(iter(headers)))
def test_nothing_in_a_header_moves_a_call(priced: Live, live: Live, canary: Upstream, headers: dict[str, str]) -> None:
    found = live.request("POST", "/v1/proxy/chat/completions", hello(model=MODEL), aimed(headers, canary.url))
    assert found.status == 200
    went_as_configured(live)
    assert found.headers["x-bt-used-endpoint"] == "OPENAI_API_KEY"
    assert found.headers["x-dragoman-cost"] == cost_of_a_plain_call(live)


def cost_of_a_plain_call(live: Live) -> str:
    return live.chat(hello(model=MODEL)).headers["x-dragoman-cost"]


@pytest.mark.parametrize(
    "query", ["base_url=CANARY", "api-version=evil&key=sk-evil", "api_base=CANARY&host=evil.example"]
)
def test_nothing_in_a_query_moves_a_call(priced: Live, live: Live, canary: Upstream, query: str) -> None:
    path = f"/v1/proxy/chat/completions?{aimed(query, canary.url)}"
    assert live.request("POST", path, hello(model=MODEL)).status == 200
    went_as_configured(live)


@pytest.mark.parametrize(
    "model",
    ["CANARY/v1", "openai/../../evil", "openai@evil.example/m", "http:CANARY/m", "custom/m", "openai/m@evil.example"],
)
def test_no_name_of_a_model_is_an_address(live: Live, canary: Upstream, model: str) -> None:
    found = live.chat(hello(model=aimed(model, canary.url)))
    assert found.status in (200, 400, 404)
    assert all(call.path == UPSTREAM_CHAT for call in live.upstream.calls)
    assert {call.headers["host"] for call in live.upstream.calls} <= {f"127.0.0.1:{live.upstream.port}"}


@pytest.mark.parametrize(
    "path", ["files/../../evil", "files//evil.example", "files/%2e%2e/evil", "@evil.example/files"]
)
def test_no_relayed_path_leaves_the_providers_address(live: Live, path: str) -> None:
    found = live.request("GET", f"/v1/proxy/{path}", None, {"x-bt-endpoint-name": "OPENAI_API_KEY"})
    assert found.status == 404
    assert live.upstream.count == 0
