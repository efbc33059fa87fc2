import re
from typing import Any

import pytest

from keys.outward import credentials
from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api.dialects import DIALECTS
from proxy_api.errors import UpstreamError
from proxy_api.providers import PROVIDERS, hide_key, prepare
from proxy_api.providers.rows import ROWS
from proxy_api.upstream import Route, UpstreamRequest


def route(provider: str, **fields: Any) -> Route:
    credential = Credential(id="c", name="c", provider=provider, **{"secret": Secret("sk-1"), **fields})
    return Route(PROVIDERS[provider], "m", credential)


def prepared(provider: str, sent: dict[str, str] | None = None, **fields: Any) -> UpstreamRequest:
    return prepare(route(provider, **fields), b"{}", sent or {})


def test_every_row_names_its_source_and_a_known_dialect() -> None:
    for name, row in PROVIDERS.items():
        assert row.name == name
        assert row.source.startswith("https://")
        spoken = {row.dialect, *row.dialects.values(), *(name for _, name in row.model_dialects)}
        assert spoken | {mount.dialect for mount in row.mounts} - {""} <= set(DIALECTS), name
        assert not row.base_url.endswith("/")
        assert row.base_url.startswith("https://") or row.keyless


def test_every_placeholder_of_a_row_is_an_option_of_it() -> None:
    for row in ROWS:
        templates = [row.base_url, *(mount.becomes for mount in row.mounts)]
        named = {name for template in templates for name in re.findall(r"\{(\w+)", template)}
        assert named - {"model"} <= {option.name for option in row.options}, row.name


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "https://api.anthropic.com/v1/messages"),
        ("groq", "https://api.groq.com/openai/v1/chat/completions"),
        ("fireworks", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("ollama", "http://127.0.0.1:11434/v1/chat/completions"),
    ],
)
def test_the_address_is_the_providers_and_the_dialects(provider: str, url: str) -> None:
    assert prepared(provider).url == url


@pytest.mark.parametrize("base_url", ["http://10.0.0.1:8000/v1", "http://10.0.0.1:8000/v1/"])
def test_a_credential_may_bring_its_own_address(base_url: str) -> None:
    assert prepared("openai", base_url=base_url).url == "http://10.0.0.1:8000/v1/chat/completions"
    assert prepared("anthropic", base_url=base_url).url == "http://10.0.0.1:8000/v1/messages"


def test_each_provider_gets_its_key_where_it_wants_it() -> None:
    openai, anthropic = prepared("openai").headers, prepared("anthropic").headers
    assert openai["authorization"] == "Bearer sk-1"
    assert "x-api-key" not in openai
    assert anthropic["x-api-key"] == "sk-1"
    assert anthropic["anthropic-version"] == "2023-06-01"
    assert "authorization" not in anthropic


def test_a_keyless_provider_gets_no_key() -> None:
    assert "authorization" not in prepared("ollama", secret=None).headers


def test_only_listed_headers_of_the_client_travel_on() -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    sent = {
        "authorization": "Bearer dgm_ours",
        "x-api-key": "dgm_ours",
        "cookie": "a=b",
        "host": "evil",
        "x-forwarded-for": "127.0.0.1",
        "user-agent": "client",
        "openai-organization": "org-1",
        "openai-beta": "assistants=v2",
        "anthropic-beta": "context-1m",
        "anthropic-version": "2099-01-01",
        "idempotency-key": "i-1",
        "traceparent": trace,
    }
    own = {"content-type", "accept", "user-agent"}
    openai, anthropic = prepared("openai", sent).headers, prepared("anthropic", sent).headers
    assert set(openai) - own == {"authorization", "openai-beta", "idempotency-key", "traceparent"}
    assert set(anthropic) - own == {
        "x-api-key",
        "anthropic-version",
        "anthropic-beta",
        "idempotency-key",
        "traceparent",
    }
    assert "dgm_ours" not in (*openai.values(), *anthropic.values())
    assert anthropic["anthropic-version"] == "2023-06-01"
    assert openai["user-agent"] == "dragoman"


@pytest.mark.parametrize("value", ["", "a\r\nb: c", "\x00", "é", " x", "x" * 2000])
def test_a_broken_header_value_stays_here(value: str) -> None:
    assert "openai-beta" not in prepared("openai", {"openai-beta": value}).headers


def test_a_broken_traceparent_stays_here() -> None:
    assert "traceparent" not in prepared("openai", {"traceparent": "00-zz-zz-zz"}).headers


def test_headers_of_a_credential_win_over_the_clients() -> None:
    headers = prepared("openai", {"openai-beta": "theirs"}, headers={"OpenAI-Beta": "ours", "X-Team": "a"}).headers
    assert headers["openai-beta"] == "ours"
    assert headers["x-team"] == "a"


@pytest.mark.parametrize("key", ["", "a b", "a\r\nb", "a\x00", "schlüssel"])
def test_a_key_that_is_no_header_value_is_never_sent(key: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        prepared("openai", secret=Secret(key))
    assert caught.value.retryable
    assert not key or key not in caught.value.message


def test_the_kind_of_answer_is_asked_for() -> None:
    assert prepared("openai").headers["accept"] == "application/json"
    streamed = prepare(route("openai"), b"{}", {}, stream=True)
    assert streamed.headers["accept"] == "text/event-stream"
    assert streamed.stream


def test_only_the_operators_word_makes_an_address_trusted() -> None:
    assert not prepared("openai").trusted
    assert not prepared("openai", base_url="http://10.0.0.1/v1").trusted
    assert prepared("openai", base_url="http://10.0.0.1/v1", trusted=True).trusted
    assert prepared("ollama", secret=None).trusted
    assert not prepared("ollama", secret=None, base_url="http://10.0.0.1/v1").trusted


def test_mistral_speaks_a_language_of_its_own_but_for_embeddings() -> None:
    assert (PROVIDERS["mistral"].dialect, PROVIDERS["mistral"].embeddings) == ("mistral", "openai")


def test_every_row_is_declared_to_those_who_keep_the_keys(settings: Any) -> None:
    assert set(credentials.providers()) == {row.name for row in ROWS}
    settings.DRAGOMAN_PROVIDER_ENV = {"PPLX_API_KEY": "pplx-1", "OLLAMA_BASE_URL": "http://10.0.0.2/v1"}
    found = {one.provider: one for one in credentials.from_environment()}
    assert set(found) == {"perplexity", "ollama"}
    assert found["perplexity"].secret == Secret("pplx-1")
    assert found["ollama"].secret is None


def test_azures_address_is_read_from_the_name_that_its_own_client_reads(settings: Any) -> None:
    theirs = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}
    settings.DRAGOMAN_PROVIDER_ENV = theirs
    [found] = credentials.from_environment()
    assert (found.provider, found.base_url, found.trusted) == ("azure", "https://r.openai.azure.com", True)
    settings.DRAGOMAN_PROVIDER_ENV = {**theirs, "AZURE_BASE_URL": "https://ours/openai/v1"}
    assert [one.base_url for one in credentials.from_environment()] == ["https://ours/openai/v1"]
    settings.DRAGOMAN_PROVIDER_ENV = {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    assert [one.name for one in credentials.from_environment()] == ["AZURE_OPENAI_ENDPOINT"]


def test_a_credential_whose_secret_did_not_open_is_never_called_with_and_another_may_be_tried() -> None:
    with pytest.raises(UpstreamError) as caught:
        prepared("openai", secret=None, broken=True)
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (502, "provider_auth", True)


def test_a_credentials_headers_win_over_the_callers_and_the_rows_and_never_over_the_key() -> None:
    own = {"anthropic-beta": "ours", "anthropic-version": "2099-01-01", "X-Team": "search", "x-api-key": "sk-other"}
    sent = prepared("anthropic", {"anthropic-beta": "theirs", "x-team": "theirs"}, headers=own).headers
    assert (sent["anthropic-beta"], sent["anthropic-version"]) == ("ours", "2099-01-01")
    assert (sent["x-team"], sent["x-api-key"]) == ("search", "sk-1")


def test_the_key_of_a_secret_with_parts_for_headers_is_what_is_presented() -> None:
    secret = Secret('{"key": "sk-of-the-provider", "gw": "cf-secret"}')
    sent = prepared("openai", secret=secret).headers
    assert sent["authorization"] == "Bearer sk-of-the-provider"
    assert "cf-secret" not in str(sent)
    error = UpstreamError("Denied: sk-of-the-provider, cf-secret.")
    hide_key(route("openai", secret=secret), error)
    assert error.message == "Denied: [key], [key]."
