from collections.abc import Iterator
from typing import Any

import pytest

from keys import freshness
from keys.entrance.identity import Identity, Rights
from keys.outward import credentials
from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api.errors import GatewayError
from proxy_api.known import Known
from proxy_api.routing import first_configured, listed, routed, routes_for
from proxy_api.upstream import Route

ANYONE = Identity(kind="virtual", id="k", name="k", scope="k")
OWN_KEY = Identity(kind="provider_key", id="p", name="p", scope="p", provider_key=Secret("sk-own"))


def credential(provider: str, name: str = "", **fields: Any) -> Credential:
    return Credential(id=name, name=name, provider=provider, **{"secret": Secret("sk-1"), **fields})


def limited(*models: str) -> Identity:
    return Identity(kind="virtual", id="k", name="k", scope="k", rights=Rights(models))


def ways(asked: str, *available: Credential, identity: Identity = ANYONE, chance: float = 0.0) -> list[str]:
    """provider/model@credential of each route, in order."""
    routes = routed(asked, identity, available, chance)
    return [f"{route.provider.name}/{route.model}@{route.credential.name}" for route in routes]


def refusal(asked: str, *available: Credential, identity: Identity = ANYONE) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        routed(asked, identity, available, 0.0)
    kind = "permission_error" if caught.value.status == 403 else "invalid_request_error"
    assert (caught.value.type, caught.value.param) == (kind, "model")
    return caught.value


@pytest.mark.parametrize(
    ("asked", "way"),
    [
        ("openai/gpt-4o", "openai/gpt-4o@"),
        ("OpenAI/gpt-4o", "openai/gpt-4o@"),
        ("openai:openai_chat/gpt-4o", "openai/gpt-4o@"),
        ("gpt-4o", "openai/gpt-4o@"),
        ("openrouter/meta-llama/llama-3", "openrouter/meta-llama/llama-3@"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5@"),
        ("ollama/qwen3:latest", "ollama/qwen3:latest@"),
    ],
)
def test_a_name_means_a_provider_and_a_model(asked: str, way: str) -> None:
    everything = [credential(name) for name in ("openai", "openrouter", "anthropic", "ollama")]
    assert ways(asked, *everything) == [way]


@pytest.mark.parametrize(
    "asked",
    ["no-such-model-xyz", "../../etc/passwd", "opnai/gpt-4o", "openai/", "openai:native/gpt-4o", "/", "openai:/x"],
)
def test_an_unknown_name_is_a_404(asked: str) -> None:
    error = refusal(asked, credential("openai"))
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message.startswith(f"The model '{asked}' does not exist")


def test_an_unknown_provider_is_met_with_the_nearest_names() -> None:
    assert "openai" in refusal("opnai/gpt-4o").message
    assert "Did you mean" not in refusal("no-such-model-xyz").message


def test_a_known_model_without_a_credential_is_a_404_that_says_so() -> None:
    error = refusal("gpt-4o")
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message.startswith("No API keys found (for gpt-4o)")


def test_a_claude_name_never_goes_to_an_openai_credential() -> None:
    assert refusal("claude-sonnet-4-5", credential("openai")).message.startswith("No API keys found")
    assert refusal("anthropic/claude-sonnet-4-5", credential("openai")).message.startswith("No API keys found")


def test_a_key_that_may_not_use_a_model_is_a_403() -> None:
    error = refusal("gpt-4o", credential("openai"), identity=limited("gpt-4o-mini"))
    assert (error.status, error.code) == (403, "model_not_allowed")
    assert error.message.startswith("No API keys found (for gpt-4o)")


@pytest.mark.parametrize("models", ["openai/*", "openai/gpt-5", "openai*"])
def test_who_may_use_a_provider_may_not_use_another_that_serves_its_models(models: str) -> None:
    """OpenRouter, Hugging Face and others name a model `maker/model`, and a maker may be a provider as well."""
    openrouter = credential("openrouter", models=("openai/*",))
    for asked in ("openrouter/openai/gpt-5", "OpenRouter/OpenAI/gpt-5"):
        assert refusal(asked, openrouter, identity=limited(models)).code == "model_not_allowed"
    only = Identity(kind="temporary", id="k", name="k", scope="k", rights=Rights(only_model=models))
    assert refusal("openrouter/openai/gpt-5", openrouter, identity=only).code == "model_not_allowed"
    assert [one.id for one in listed(limited(models), [openrouter])] == []


@pytest.mark.parametrize("models", ["openrouter/openai/*", "openrouter/*", "*/gpt-5", "*"])
def test_models_of_others_that_a_provider_serves_are_named_with_it(models: str) -> None:
    openrouter = credential("openrouter", models=("openai/*",))
    assert ways("openrouter/openai/gpt-5", openrouter, identity=limited(models)) == ["openrouter/openai/gpt-5@"]
    assert ways("openrouter/meta-llama/x", credential("openrouter"), identity=limited("meta-llama/*"))
    assert ways("groq/groq/compound", credential("groq"), identity=limited("groq/compound"))


def test_a_provider_that_is_not_on_a_keys_list_is_not_used_for_any_model() -> None:
    key = Identity(kind="virtual", id="k", name="k", scope="k", rights=Rights(providers=("azure", "bedrock*")))
    openai, azure = credential("openai"), credential("azure", "own", base_url="https://example.openai.azure.com")
    for asked in ("openai/gpt-4o", "gpt-4o"):
        assert refusal(asked, openai, identity=key).code == "model_not_allowed"
    assert ways("azure/gpt-4o", openai, azure, identity=key) == ["azure/gpt-4o@own"]


@pytest.mark.parametrize("asked", ["gpt-4o", "openai/gpt-4o", "OPENAI/gpt-4o", "openai:openai_chat/gpt-4o"])
@pytest.mark.parametrize("models", ["gpt-4o", "openai/gpt-4o", "gpt-*", "openai/*"])
def test_a_keys_models_hold_for_every_spelling(asked: str, models: str) -> None:
    assert ways(asked, credential("openai"), identity=limited(models)) == ["openai/gpt-4o@"]
    assert refusal(asked, credential("openai"), identity=limited("claude-*")).status == 403


def test_credentials_are_tried_from_a_random_start_in_turn() -> None:
    three = [credential("openai", name) for name in "abc"]
    starts = [ways("gpt-4o", *three, chance=chance) for chance in (0.0, 0.34, 0.99)]
    assert [[way[-1] for way in found] for found in starts] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


def test_the_first_configured_route_is_the_same_whatever_the_start() -> None:
    three = [credential("openai", name) for name in "abc"]
    found: list[Route] = [first_configured(routed("gpt-4o", ANYONE, three, chance)) for chance in (0.0, 0.5, 0.9)]
    assert [route.credential.name for route in found] == ["a", "a", "a"]


def test_a_credentials_model_list_limits_what_it_serves() -> None:
    mini = credential("openai", "mini", models=("gpt-4o-mini", "openai/gpt-4.1*"))
    assert ways("gpt-4o-mini", mini) == ["openai/gpt-4o-mini@mini"]
    assert ways("openai/gpt-4.1-nano", mini) == ["openai/gpt-4.1-nano@mini"]
    assert refusal("gpt-4o", mini).message.startswith("No API keys found (for gpt-4o)")


def test_a_credential_that_names_a_bare_model_gives_it_a_route() -> None:
    lab = credential("custom", "lab", models=("llama-lab", "tuned-*"), base_url="http://10.0.0.1/v1", secret=None)
    assert ways("llama-lab", lab) == ["custom/llama-lab@lab"]
    assert ways("tuned-7", lab) == ["custom/tuned-7@lab"]
    assert ways("custom/llama-lab", lab) == ["custom/llama-lab@lab"]
    assert refusal("other", lab).status == 404


def test_a_model_that_several_providers_name_goes_to_all_of_them() -> None:
    groq, together = credential("groq", "g", models=("org/model",)), credential("together", "t", models=("org/model",))
    assert ways("org/model", groq, together) == ["groq/org/model@g", "together/org/model@t"]
    assert ways("org/model", groq, together, chance=0.5) == ["together/org/model@t", "groq/org/model@g"]


def test_a_star_alone_names_no_model() -> None:
    anything = credential("custom", "any", models=("*",), base_url="http://10.0.0.1/v1")
    assert refusal("no-such-model", anything).status == 404
    assert ways("custom/no-such-model", anything) == ["custom/no-such-model@any"]


def test_a_generic_provider_needs_an_address() -> None:
    assert refusal("custom/m", credential("custom")).message.startswith("No API keys found")


def test_a_credential_without_a_key_serves_only_a_keyless_provider() -> None:
    assert refusal("gpt-4o", credential("openai", secret=None)).message.startswith("No API keys found")
    assert ways("ollama/llama3", credential("ollama", secret=None)) == ["ollama/llama3@"]


def test_a_credential_whose_secret_did_not_open_keeps_its_route_so_that_its_failure_is_said() -> None:
    assert ways("gpt-4o", credential("openai", secret=None, broken=True)) == ["openai/gpt-4o@"]


def test_the_callers_own_key_goes_to_the_providers_public_address() -> None:
    (route,) = routed("gpt-4o", OWN_KEY, [], 0.0)
    assert route.credential.secret == Secret("sk-own")
    assert route.credential.base_url is None
    assert not route.credential.trusted


def test_the_callers_own_key_goes_where_the_environment_points_and_not_where_the_admin_does() -> None:
    admins = credential("openai", "a", base_url="http://10.0.0.9/v1")
    operators = credential("openai", "o", base_url="http://10.0.0.1/v1", trusted=True, secret=None)
    (route,) = routed("gpt-4o", OWN_KEY, [admins, operators], 0.0)
    assert route.credential.base_url == "http://10.0.0.1/v1"
    assert route.credential.secret == Secret("sk-own")
    (route,) = routed("gpt-4o", OWN_KEY, [admins], 0.0)
    assert route.credential.base_url is None


def test_the_list_shows_what_a_key_may_call_and_nothing_else() -> None:
    have = [credential("anthropic"), credential("custom", models=("lab-1", "lab-*"), base_url="http://10.0.0.1/v1")]
    ids = [model.id for model in listed(ANYONE, have)]
    assert {"claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "lab-1", "custom/lab-1"} <= set(ids)
    assert not any("gpt" in name or "*" in name for name in ids)
    assert len(ids) == len(set(ids))
    assert [model.id for model in listed(limited("lab-*"), have)] == ["lab-1", "custom/lab-1"]
    assert list(listed(limited("nothing"), have)) == []


def test_everything_listed_can_be_called() -> None:
    have = [credential("openai"), credential("groq"), credential("cerebras", models=("gpt-oss-*",))]
    for model in listed(ANYONE, have):
        assert routed(model.id, ANYONE, have, 0.0)[0].provider.name in (model.provider, "groq", "cerebras")


SMART = Known(aliases={"smart": ("openai/gpt-4o", "anthropic/claude-sonnet-4-5", "groq/x")})


def fallbacks(asked: str, *available: Credential, identity: Identity = ANYONE, chance: float = 0.0) -> list[str]:
    routes = routed(asked, identity, available, chance, SMART)
    return [f"{route.provider.name}@{route.credential.name}" for route in routes]


def test_an_aliass_targets_are_tried_in_its_order_whatever_the_random_start() -> None:
    available = [credential("anthropic", "a"), credential("openai", "b"), credential("openai", "c")]
    assert fallbacks("smart", *available) == ["openai@b", "openai@c", "anthropic@a"]
    assert fallbacks("smart", *available, chance=0.9) == ["openai@c", "openai@b", "anthropic@a"]


def test_a_target_without_a_credential_is_passed_over() -> None:
    assert fallbacks("smart", credential("groq", "g"), credential("anthropic", "a")) == ["anthropic@a", "groq@g"]


def test_each_target_gets_a_try_where_the_first_has_credentials_enough_for_all() -> None:
    many = [credential("openai", f"o{number}") for number in range(6)]
    found = fallbacks("smart", *many, credential("anthropic", "a"))
    assert found[:4] == ["openai@o0", "openai@o1", "openai@o2", "anthropic@a"]
    assert len(found) == 7
    routes = routed("smart", ANYONE, many, 0.9, SMART)
    assert first_configured(routes).credential.name == "o0"


@pytest.mark.parametrize(
    ("models", "ways"),
    [
        (("smart",), ["openai@b", "anthropic@a"]),
        (("anthropic/*",), ["anthropic@a"]),
        (("*",), ["openai@b", "anthropic@a"]),
    ],
)
def test_a_key_may_use_an_alias_by_its_name_or_by_its_targets(models: tuple[str, ...], ways: list[str]) -> None:
    available = [credential("anthropic", "a"), credential("openai", "b")]
    assert fallbacks("smart", *available, identity=limited(*models)) == ways


def test_an_alias_is_refused_as_a_model_is() -> None:
    with pytest.raises(GatewayError) as nobody:
        routed("smart", ANYONE, [], 0.0, SMART)
    assert (nobody.value.status, nobody.value.message.partition(".")[0]) == (404, "No API keys found (for smart)")
    with pytest.raises(GatewayError) as other:
        routed("smart", limited("groq/*"), [credential("openai")], 0.0, Known(aliases={"smart": ("openai/x",)}))
    assert other.value.status == 403
    with pytest.raises(GatewayError) as broken:
        routed("smart", ANYONE, [credential("openai")], 0.0, Known(aliases={"smart": ("gone/x",)}))
    assert broken.value.status == 404


def test_an_alias_may_bear_a_full_name_and_its_own_targets_are_no_aliases() -> None:
    known = Known(aliases={"openai/gpt-4o": ("azure/gpt-4o", "openai/gpt-4o")})
    available = [credential("azure", "z", base_url="https://r"), credential("openai", "o")]
    routes = routed("openai/gpt-4o", ANYONE, available, 0.0, known)
    assert [route.provider.name for route in routes] == ["azure", "openai"]


def test_a_callers_own_key_goes_to_the_first_provider_of_an_alias_alone() -> None:
    assert {way.partition("@")[0] for way in fallbacks("smart", identity=OWN_KEY)} == {"openai"}


def test_a_callers_own_key_goes_with_the_options_that_the_environment_sets() -> None:
    here = credential("bedrock-mantle", options={"region": "eu-west-1"}, secret=None, trusted=True)
    (route,) = routed("bedrock-mantle/m", OWN_KEY, [here], 0.0)
    assert (route.credential.options, route.credential.secret) == ({"region": "eu-west-1"}, OWN_KEY.provider_key)
    assert not route.credential.trusted


def test_a_bare_name_that_nobody_owns_is_looked_up_in_the_catalogue() -> None:
    known = Known(providers={"some-model": ("together", "groq")}, models={"together": ("some-model",)})
    available = [credential("together", "t"), credential("openai", "o")]
    assert [route.provider.name for route in routed("some-model", ANYONE, available, 0.0, known)] == ["together"]
    with pytest.raises(GatewayError) as caught:
        routed("some-model", ANYONE, [credential("openai")], 0.0, known)
    assert "No API keys found (for some-model)" in caught.value.message


def test_the_list_shows_aliases_and_what_the_catalogue_says_of_providers_with_a_credential() -> None:
    known = Known(
        aliases={"smart": ("together/m-1",), "dead": ("groq/x",)},
        models={"together": ("m-1",), "groq": ("m-2",)},
        providers={"m-1": ("together",), "m-2": ("groq",)},
    )
    shown = [model.id for model in listed(ANYONE, [credential("together")], known)]
    assert shown == ["smart", "m-1", "together/m-1"]


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    credentials.forget()
    yield
    freshness.stop()
    credentials.forget()


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_kept")
def test_a_remembered_route_is_forgotten_with_the_credentials_that_it_came_from(settings: Any) -> None:
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-first"}
    first = routes_for("openai/gpt-4o", ANYONE)
    assert routes_for("openai/gpt-4o", ANYONE) is first
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-second"}
    credentials.forget()
    (second,) = routes_for("openai/gpt-4o", ANYONE)
    assert second.credential.secret is not None
    assert second.credential.secret.reveal() == "sk-second"


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_kept")
def test_a_remembered_route_is_nobody_elses_right(settings: Any) -> None:
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-first"}
    routes_for("openai/gpt-4o", ANYONE)
    with pytest.raises(GatewayError) as caught:
        routes_for("openai/gpt-4o", limited("claude-*"))
    assert caught.value.status == 403
