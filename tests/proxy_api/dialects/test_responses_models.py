"""Which of OpenAI's models are asked in Responses: https://developers.openai.com/api/docs/models"""

from __future__ import annotations

import pytest

from proxy_api.providers import PROVIDERS


@pytest.mark.parametrize("provider", ["openai", "azure"])
@pytest.mark.parametrize(
    "model",
    [
        "o1-pro",
        "o1-pro-2025-03-19",
        "o3-pro",
        "gpt-5-pro-2025-10-06",
        "gpt-5.2-pro",
        "gpt-5-codex",
        "gpt-5.1-codex-max",
        "gpt-5.3-codex",
        "codex-mini-latest",
        "gpt-5.6-cyber",
        "gpt-daybreak-blue-latest",
        "o3-deep-research-2025-06-26",
        "o4-mini-deep-research",
        "computer-use-preview",
    ],
)
def test_a_model_that_answers_only_in_responses_is_asked_there(provider: str, model: str) -> None:
    assert PROVIDERS[provider].dialect_of(model) == "openai_responses"


@pytest.mark.parametrize("model", ["gpt-4o", "o1", "o3-mini", "gpt-5", "gpt-5.4-mini", "gpt-5.3-chat-latest", "proton"])
def test_every_other_model_is_asked_in_chat(model: str) -> None:
    assert PROVIDERS["openai"].dialect_of(model) == "openai_chat"


@pytest.mark.parametrize("provider", ["openai", "azure", "xai", "deepseek", "openrouter", "bedrock-mantle", "groq"])
def test_responses_may_be_asked_for_by_name_where_a_host_has_it(provider: str) -> None:
    assert PROVIDERS[provider].dialect_of("any", "responses") == "openai_responses"
