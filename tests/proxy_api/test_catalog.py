import pytest

from proxy_api.catalog import WELL_KNOWN, facts, providers_of


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20240620", 8192),
        ("claude-3-5-haiku-latest", 8192),
        ("claude-3-7-sonnet-20250219", 64000),
        ("claude-sonnet-4-0", 64000),
        ("claude-sonnet-4-20250514", 64000),
        ("claude-opus-4-20250514", 32000),
        ("claude-opus-4-1-20250805", 32000),
        ("claude-sonnet-4-5-20250929", 64000),
        ("claude-haiku-4-5", 64000),
        ("claude-opus-4-5-20251101", 64000),
        ("claude-opus-4-6", 128000),
        ("claude-sonnet-4-6", 128000),
        ("claude-opus-4-7", 128000),
        ("claude-sonnet-5", 128000),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64000),
        ("anthropic/claude-haiku-4.5", 64000),
        ("gpt-4o", None),
    ],
)
def test_each_claude_family_has_its_output_limit(model: str, tokens: int | None) -> None:
    assert facts(model).max_output_tokens == tokens


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-3-5-sonnet-20241022", "none"),
        ("claude-3-7-sonnet-latest", "budget"),
        ("claude-opus-4-5", "budget"),
        ("claude-opus-4-6", "adaptive"),
        ("claude-fable-5", "adaptive"),
    ],
)
def test_thinking_came_as_a_budget_and_became_adaptive(model: str, thinking: str) -> None:
    assert facts(model).thinking == thinking


def test_effort_levels_grew_with_the_families() -> None:
    assert facts("claude-sonnet-4-5").efforts == ()
    assert facts("claude-opus-4-5").efforts == ("low", "medium", "high")
    assert facts("claude-opus-4-6").efforts == ("low", "medium", "high", "max")
    assert facts("claude-opus-4-7").efforts == ("low", "medium", "high", "xhigh", "max")


def test_sampling_is_refused_from_opus_4_7_on() -> None:
    assert not facts("claude-opus-4-6").refuses_sampling
    assert not facts("claude-haiku-4-5").refuses_sampling
    assert all(facts(model).refuses_sampling for model in ("claude-opus-4-7", "claude-sonnet-5", "claude-haiku-5-5"))


def test_structured_output_came_with_4_5() -> None:
    assert not facts("claude-sonnet-4-0").structured_output
    assert facts("claude-sonnet-4-5").structured_output


def test_opus_5_5_always_thinks_and_takes_no_forced_tool() -> None:
    assert facts("claude-opus-5-5").always_thinks
    assert not facts("claude-opus-5-5").takes_forced_tools
    assert not facts("claude-opus-5").always_thinks
    assert facts("claude-opus-5").takes_forced_tools


def test_a_claude_of_tomorrow_gets_the_newest_facts() -> None:
    assert facts("claude-opus-9") == facts("claude-opus-5")


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("gpt-4o-mini", ("openai",)),
        ("o3-mini", ("openai",)),
        ("chatgpt-4o-latest", ("openai",)),
        ("ft:gpt-4o-mini:acme::1", ("openai",)),
        ("text-embedding-3-small", ("openai",)),
        ("claude-sonnet-4-5", ("anthropic",)),
        ("mistral-small-latest", ("mistral",)),
        ("deepseek-chat", ("deepseek",)),
        ("grok-4.3", ("xai",)),
        ("sonar-pro", ("perplexity",)),
        ("gpt-oss-120b", ("cerebras",)),
        ("llama-3.3-70b-versatile", ("groq",)),
        ("no-such-model-xyz", ()),
        ("olmo", ()),
    ],
)
def test_a_bare_name_means_its_maker_or_who_lists_it(name: str, providers: tuple[str, ...]) -> None:
    assert providers_of(name) == providers


def test_every_well_known_id_leads_to_the_provider_that_lists_it() -> None:
    assert all(provider in providers_of(model) for provider, ids in WELL_KNOWN.items() for model in ids)
