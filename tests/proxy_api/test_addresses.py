"""Where clients look for us, and how every refusal is told: at each address that a client makes up of a base URL."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from tests.live import Live
from tests.loopback import openai_stream, stream
from tests.proxy_api.asking import CHAT, cached, hello, refusal, with_request_id

ALIASES = (
    "/v1/proxy/chat/completions",
    "/v1/chat/completions",
    "/v1/v1/chat/completions",
    "/proxy/chat/completions",
    "/chat/completions",
)
AZURE = (
    "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21",
    "/v1/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21",
    "/v1/proxy/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21",
)


@pytest.mark.parametrize("path", ALIASES)
def test_every_alias_answers_with_and_without_a_slash_and_shares_one_cache(live: Live, path: str) -> None:
    """clients.md 1 and 2: never a redirect."""
    body = hello(temperature=0)
    found = [live.request("POST", one, body) for one in (path, f"{path}/", CHAT, f"{path}?unknown=1")]
    assert [cached(one) for one in found] == ["MISS", "HIT", "HIT", "HIT"]
    for one in found:
        with_request_id(one)
    assert live.upstream.count == 1


@pytest.mark.parametrize("path", AZURE)
def test_azures_form_takes_the_model_from_the_address(live: Live, path: str) -> None:
    """clients.md 4: with api-key; 1.109.1 sends an Authorization as well."""
    body = hello()
    del body["model"]
    for headers in ({"authorization": None, "api-key": live.token}, {"api-key": "other"}):
        assert live.request("POST", path, body, headers).status == 200
    assert [call.json()["model"] for call in live.upstream.calls] == ["gpt-4o-mini"] * 2
    slash = path.replace("gpt-4o-mini", "openai%2Fgpt-4o-mini")
    assert live.request("POST", slash, body).status == 200
    named = live.request("POST", path, hello(model="openai/gpt-4o"))
    assert named.status == 200
    assert live.upstream.calls[-1].json()["model"] == "gpt-4o"


def test_unknown_headers_and_fields_are_tolerated(live: Live) -> None:
    """clients.md 5: fields go to the provider as they are."""
    body = hello(a_field_of_tomorrow={"deep": [1, 2.50, "x"]})
    assert live.chat(body, x_stainless_lang="python", x_tomorrow="1").status == 200
    sent = live.upstream.calls[0].body
    assert sent == json.dumps(body).encode().replace(b"openai/gpt-4o-mini", b"gpt-4o-mini")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/proxy/models", "/models", "/v1/v1/models", "/v1/models/"])
def test_the_list_of_models_serves_both_families_of_clients(live: Live, path: str) -> None:
    """clients.md 7; Anthropic's: https://docs.anthropic.com/en/api/models-list."""
    found = live.request("GET", path, headers={"anthropic-version": "2026-10-21"})
    assert found.status == 200
    with_request_id(found)
    body = found.json()
    assert body["object"] == "list"
    assert body["has_more"] is False
    assert (body["first_id"], body["last_id"]) == (body["data"][0]["id"], body["data"][-1]["id"])
    for model in body["data"]:
        check_model(model)


def check_model(model: dict[str, Any]) -> None:
    assert (model["object"], model["type"]) == ("model", "model")
    assert isinstance(model["created"], int)
    assert isinstance(model["owned_by"], str)
    assert isinstance(model["display_name"], str)
    assert model["created_at"].endswith("Z")


@pytest.mark.parametrize("prefix", ["/v1/models/", "/v1/proxy/models/", "/models/"])
@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini", "openai%2Fgpt-4o-mini"])
def test_one_model_is_found_by_a_name_with_a_slash_written_either_way(live: Live, prefix: str, name: str) -> None:
    """clients.md 3."""
    found = live.request("GET", prefix + name)
    assert found.status == 200
    assert found.json()["id"] == name.replace("%2F", "/")
    check_model(found.json())


def test_only_models_that_the_key_may_use_are_listed(live: Live) -> None:
    """clients.md 7."""
    headers = {"authorization": f"Bearer {live.key('few', '--models', 'anthropic/claude-haiku-*,gpt-4o')}"}
    ids = [model["id"] for model in live.request("GET", "/v1/models", headers=headers).json()["data"]]
    assert set(ids) >= {"gpt-4o", "openai/gpt-4o", "anthropic/claude-haiku-4-5"}
    assert not [one for one in ids if "haiku" not in one and not one.endswith("gpt-4o")]
    assert live.request("GET", "/v1/models/gpt-4o", headers=headers).status == 200
    refused = live.request("GET", "/v1/models/gpt-4o-mini", headers=headers)
    assert (refused.status, refusal(refused)["code"]) == (404, "model_not_found")


# -- refusals ------------------------------------------------------------------------------------------------------
URL, METHOD, MEDIA, KEY = "unknown_url", "method_not_allowed", "unsupported_media_type", "invalid_api_key"
NO_KEY: dict[str, Any] = {"authorization": None}
REFUSALS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "unknown path": ("GET", "/v1/nothing", {}, 404, URL),
    "unknown path, POST": ("POST", "/v1/proxy/nothing", {}, 404, URL),
    "unknown path outside /v1": ("GET", "/nothing", {}, 404, URL),
    "GET for POST": ("GET", CHAT, {}, 405, METHOD),
    "DELETE": ("DELETE", CHAT, {}, 405, METHOD),
    "OPTIONS": ("OPTIONS", CHAT, {}, 405, METHOD),
    "an odd method": ("BREW", CHAT, {}, 405, METHOD),
    "POST for GET": ("POST", "/v1/models", {}, 405, METHOD),
    "a form": ("POST", CHAT, {"content-type": "application/x-www-form-urlencoded"}, 415, MEDIA),
    "another charset": ("POST", CHAT, {"content-type": "application/json; charset=latin-1"}, 415, MEDIA),
    "packed": ("POST", CHAT, {"content-encoding": "gzip"}, 415, MEDIA),
    "too large": ("POST", CHAT, {"content-length": "99999999999"}, 413, "request_too_large"),
    "another host": ("GET", "/v1/models", {"host": "evil.example"}, 400, "bad_host"),
    "no key": ("GET", "/v1/models", NO_KEY, 401, KEY),
    "a wrong key": ("POST", CHAT, {"authorization": "Bearer sk-nobody"}, 401, KEY),
    "a wrong scheme": ("POST", CHAT, {"authorization": "Basic sk-nobody"}, 401, KEY),
    "no such model": ("GET", "/v1/models/nobody/knows", {}, 404, "model_not_found"),
}


@pytest.mark.parametrize(("method", "path", "headers", "status", "code"), REFUSALS.values(), ids=REFUSALS)
def test_every_refusal_is_in_openais_shape_with_a_request_id(
    live: Live, method: str, path: str, headers: dict[str, Any], status: int, code: str
) -> None:
    found = live.request(method, path, hello() if method == "POST" else None, headers)
    assert found.status == status
    error = refusal(found)
    assert error["code"] == code
    assert error["type"] == ("authentication_error" if status == 401 else "invalid_request_error")
    with_request_id(found)
    assert ("www-authenticate" in found.headers) == (status == 401)
    assert live.upstream.count == 0


@pytest.mark.parametrize(
    ("path", "allowed"), [(CHAT, "POST"), ("/v1/models", "GET, HEAD"), ("/v1/models/a/b", "GET, HEAD")]
)
def test_a_method_that_is_not_allowed_is_told_which_one_is(live: Live, path: str, allowed: str) -> None:
    found = live.request("PUT", path)
    assert (found.status, found.headers["allow"]) == (405, allowed)
    assert refusal(found)["message"] == "Method not allowed"


def test_head_gives_the_headers_of_get(live: Live) -> None:
    found = live.request("HEAD", "/v1/models")
    assert (found.status, found.body, found.headers["content-type"]) == (200, b"", "application/json")


def test_a_key_that_may_not_use_a_model_is_403(live: Live) -> None:
    limited = live.key("limited", "--models", "openai/gpt-4o")
    found = live.chat(hello(), authorization=f"Bearer {limited}")
    assert found.status == 403
    error = refusal(found)
    assert error["message"].startswith("No API keys found (for openai/gpt-4o-mini).")
    assert (error["code"], error["param"], error["type"]) == ("model_not_allowed", "model", "permission_error")
    with_request_id(found)


def test_a_revoked_key_is_401_within_a_second_and_never_a_hit(live: Live) -> None:
    token = live.key("short-lived")
    body, headers = hello(temperature=0), {"authorization": f"Bearer {token}"}
    assert [cached(live.request("POST", CHAT, body, headers)) for _ in range(2)] == ["MISS", "HIT"]
    live.python(
        "from keys.models import VirtualKey\n"
        "for key in VirtualKey.objects.filter(name='short-lived'):\n    key.revoked_at = now()\n    key.save()"
    )
    time.sleep(1)
    answers = [live.request("POST", CHAT, body, headers) for _ in range(6)]
    assert [(one.status, refusal(one)["code"]) for one in answers] == [(401, "invalid_api_key")] * 6


def test_streams_and_pages_of_the_api_have_a_request_id_too(live: Live) -> None:
    live.upstream.script(stream(openai_stream()))
    ids = [with_request_id(live.chat(hello(stream=True))) for _ in range(3)]
    assert len(set(ids)) == 3
    mine = live.chat(hello(stream=True), x_request_id="mine")
    assert with_request_id(mine) != "mine"


def test_a_base_url_opened_in_a_browser_says_where_chat_lives(live: Live) -> None:
    for path in ("/v1", "/v1/", "/v1/proxy", "/v1/proxy/"):
        found = live.request("GET", path, headers={"authorization": None})
        assert (found.status, found.body) == (200, b"Dragoman. Chat lives at POST /v1/chat/completions.\n")


def test_a_request_line_that_is_none_ends_the_connection_and_not_the_server(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=5) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert live.request("GET", "/healthz").status == 200
    assert json.loads(live.request("GET", "/v1/models").body)["object"] == "list"
