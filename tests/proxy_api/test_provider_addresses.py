import json
from collections.abc import Mapping

import pytest

from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.providers import address, hide_key, located
from proxy_api.providers.authorization import authorization
from proxy_api.providers.rows import ROWS
from proxy_api.providers.sigv4 import Signable
from proxy_api.upstream import Route

PROVIDERS = {row.name: row for row in ROWS}
NOTHING: Mapping[str, str] = {}
CHAT = "/chat/completions"
ACCOUNT = json.dumps({"type": "service_account", "project_id": "p-1", "private_key": "-----BEGIN"})


def route(
    provider: str, model: str = "m", spoken: str = "", options: Mapping[str, str] = NOTHING, **fields: object
) -> Route:
    given = {"secret": Secret("key-of-the-test"), **fields}
    return Route(
        PROVIDERS[provider],
        model,
        Credential(id="c", name="c", provider=provider, options=options, **given),  # type: ignore[arg-type]
        spoken=spoken,
    )


@pytest.mark.parametrize(
    ("base_url", "options", "url"),
    [
        (
            "https://r.openai.azure.com",
            {"api_version": "2024-10-21"},
            "https://r.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://r.openai.azure.com/openai",
            {},
            "https://r.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=2025-04-01-preview",
        ),
        ("https://r.openai.azure.com/openai/v1/", {}, "https://r.openai.azure.com/openai/v1/chat/completions"),
        (
            "https://r.services.ai.azure.com/models",
            {},
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        ),
        (
            None,
            {"resource": "r"},
            "https://r.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=2025-04-01-preview",
        ),
    ],
)
def test_azures_address_says_which_of_its_forms_is_meant(
    base_url: str | None, options: dict[str, str], url: str
) -> None:
    assert located(route("azure", "my model", options=options, base_url=base_url), CHAT) == url


def test_azures_responses_are_a_part_of_its_new_api_alone() -> None:
    meant = route("azure", spoken="openai_responses", base_url="https://r.openai.azure.com")
    assert located(meant, "/responses") == "https://r.openai.azure.com/openai/v1/responses"


@pytest.mark.parametrize(
    ("options", "spoken", "url"),
    [
        (
            {"project": "p", "location": "us-east5"},
            "anthropic_vertex",
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/x",
        ),
        (
            {"project": "p"},
            "google",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/x",
        ),
        (
            {"project": "p", "location": "eu"},
            "google",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google/x",
        ),
        ({}, "google", "https://aiplatform.googleapis.com/v1/publishers/google/x"),
    ],
)
def test_vertex_is_found_by_location_project_and_publisher(options: dict[str, str], spoken: str, url: str) -> None:
    assert located(route("vertex", spoken=spoken, options=options), "/x") == url


def test_a_service_accounts_file_says_its_project() -> None:
    url = located(route("vertex", spoken="google", secret=Secret(ACCOUNT)), "/x?alt=sse")
    assert url == "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/google/x?alt=sse"


def test_a_vertex_address_that_names_the_place_is_left_as_it_is() -> None:
    base_url = "http://10.0.0.1/v1/projects/p/locations/l"
    assert located(route("vertex", spoken="google", base_url=base_url), "/x") == f"{base_url}/publishers/google/x"


@pytest.mark.parametrize(
    ("provider", "options", "spoken", "url"),
    [
        ("bedrock", {}, "", "https://bedrock-runtime.us-east-1.amazonaws.com/x"),
        ("bedrock", {"region": "eu-west-1"}, "", "https://bedrock-runtime.eu-west-1.amazonaws.com/x"),
        ("bedrock-mantle", {"region": "eu-west-1"}, "", "https://bedrock-mantle.eu-west-1.api.aws/v1/x"),
        ("google", {}, "openai_chat", "https://generativelanguage.googleapis.com/v1beta/openai/x"),
        ("cohere", {}, "openai_chat", "https://api.cohere.com/compatibility/v1/x"),
        ("cohere", {}, "cohere", "https://api.cohere.com/v2/x"),
        ("ollama", {}, "ollama", "http://127.0.0.1:11434/x"),
        (
            "databricks",
            {"host": "https://dbc-1.cloud.databricks.com/"},
            "",
            "https://dbc-1.cloud.databricks.com/serving-endpoints/x",
        ),
        ("snowflake", {"account": "org-acc"}, "", "https://org-acc.snowflakecomputing.com/api/v2/cortex/v1/x"),
    ],
)
def test_options_stand_in_the_address(provider: str, options: dict[str, str], spoken: str, url: str) -> None:
    assert located(route(provider, spoken=spoken, options=options), "/x") == url


def test_openais_own_models_stand_on_a_path_of_their_own_on_mantle() -> None:
    own, other = (
        route("bedrock-mantle", model, "openai_responses") for model in ("openai.gpt-5.5", "openai.gpt-oss-20b")
    )
    assert located(own, "/responses").endswith(".api.aws/openai/v1/responses")
    assert located(other, "/responses").endswith(".api.aws/v1/responses")


def test_a_missing_option_is_said_before_any_call_and_another_credential_may_do() -> None:
    with pytest.raises(UpstreamError) as caught:
        located(route("snowflake"), "/x")
    assert caught.value.retryable
    assert "account" in caught.value.message


@pytest.mark.parametrize("value", ["evil.com/", "a/../b", "evil.com/x", "a:b/c"])
def test_no_option_and_no_model_leads_to_another_host_or_path(value: str) -> None:
    region = located(route("bedrock", options={"region": value}), "/x")
    assert region.endswith(".amazonaws.com/x")
    assert region.count("/") == 3
    deployment = located(route("azure", f"{value}?x#y", base_url="https://r"), CHAT)
    assert deployment.startswith("https://r/openai/deployments/")
    assert deployment.count("/") == 7


def test_routes_with_other_options_reach_other_places() -> None:
    here, there = (route("bedrock", options={"region": region}) for region in ("eu-west-1", "us-west-2"))
    assert address(here) != address(there)
    assert address(here) == address(route("bedrock", "other", options={"region": "eu-west-1"}))


def headers(meant: Route) -> dict[str, str]:
    return authorization(meant, Signable("POST", "https://h/x", {}, b"{}"), 1700000000.0)


@pytest.mark.parametrize(
    ("provider", "secret", "sent"),
    [
        ("azure", "0123abcd", {"api-key": "0123abcd"}),
        ("azure", "eyJ0.eyJh.sig", {"authorization": "Bearer eyJ0.eyJh.sig"}),
        ("anthropic", "sk-ant-api03-x", {"x-api-key": "sk-ant-api03-x"}),
        ("anthropic", "sk-ant-oat01-x", {"authorization": "Bearer sk-ant-oat01-x"}),
        ("google", "AIzaX", {"x-goog-api-key": "AIzaX"}),
        ("vertex", "AQ.x", {"x-goog-api-key": "AQ.x"}),
        ("vertex", "ya29.x", {"authorization": "Bearer ya29.x"}),
        ("bedrock", "ABSKx", {"authorization": "Bearer ABSKx"}),
    ],
)
def test_a_secret_goes_where_its_kind_belongs(provider: str, secret: str, sent: dict[str, str]) -> None:
    assert headers(route(provider, secret=Secret(secret))) == sent


@pytest.mark.parametrize(
    "secret",
    [
        "AKIDEXAMPLE:sEcReT:t0ken",
        json.dumps({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "sEcReT", "session_token": "t0ken"}),
    ],
)
def test_an_access_key_signs_and_is_not_sent(secret: str) -> None:
    sent = headers(route("bedrock", secret=Secret(secret), options={"region": "eu-west-1"}))
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-west-1/bedrock/")
    assert sent["x-amz-security-token"] == "t0ken"
    assert "sEcReT" not in str(sent)


@pytest.mark.parametrize("provider", ["openai", "azure", "vertex", "bedrock"])
def test_a_secret_of_several_parts_is_never_sent_itself(provider: str) -> None:
    with pytest.raises(UpstreamError):
        headers(route(provider, secret=Secret('{"tenant_id":"t","client_secret":"s"}')))


def test_what_a_secret_was_exchanged_for_is_sent_in_its_place() -> None:
    meant = route("vertex", secret=Secret(ACCOUNT))
    exchanged = Route(meant.provider, "m", meant.credential, token=Secret("any-token"))
    assert headers(exchanged) == {"authorization": "Bearer any-token"}


def test_neither_a_token_nor_a_part_of_a_secret_stays_in_an_error() -> None:
    secret = Secret('{"client_secret":"planted-secret"}')
    meant = route("azure", secret=secret)
    error = GatewayError("planted-secret and planted-token")
    hide_key(Route(meant.provider, "m", meant.credential, token=Secret("planted-token")), error)
    assert error.message == "[key] and [key]"
