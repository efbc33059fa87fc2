"""Reasoning, sampling, limits and all other fields as Anthropic gets them.

Shapes after https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.catalog import facts as catalog_facts
from tests.proxy_api.dialects.anthropic_requests import (
    ADAPTIVE,
    BUDGET,
    PLAIN,
    PNG,
    WEATHER,
    both,
    crossed,
    refused,
    said_by_user,
)


def test_m19_reasoning_budget_and_enabled_are_told() -> None:
    assert crossed(BUDGET, reasoning_budget=2000, max_tokens=8000)["thinking"] == {
        "type": "enabled",
        "budget_tokens": 2000,
    }
    assert "thinking" in crossed(BUDGET, reasoning_enabled=True)
    assert "thinking" not in crossed(BUDGET, reasoning_enabled=False)
    assert "thinking" not in crossed(BUDGET, reasoning_budget=0, reasoning_effort="high")


UNKNOWN: dict[str, Any] = {
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "logit_bias": {"1": 2},
    "logprobs": True,
    "top_logprobs": 2,
    "prediction": {"type": "content", "content": "x"},
    "modalities": ["text"],
    "store": True,
    "metadata": {"a": "b"},
    "verbosity": "low",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "web_search_options": {},
    "seed": 1,
    "x_unheard_of": 1,
}
KNOWN: dict[str, Any] = {
    "max_tokens": 100,
    "max_completion_tokens": 200,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stop": ["END"],
    "n": 1,
    "user": "u1",
    "service_tier": "default",
    "parallel_tool_calls": False,
    "tool_choice": "required",
    "tools": [WEATHER],
    "stream": True,
    "stream_options": {"include_usage": True},
    "response_format": {"type": "text"},
}


def test_b10_anthropic_gets_no_field_that_it_does_not_know() -> None:
    body, losses = both(**UNKNOWN, **KNOWN)
    assert body == {
        "model": "claude-x",
        "max_tokens": 200,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["END"],
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u1"},
        "service_tier": "standard_only",
        "stream": True,
    }
    assert set(losses) == set(UNKNOWN)


def test_b12_effort_none_minimal_and_high_differ() -> None:
    def told(facts: ModelFacts, effort: str) -> tuple[Any, Any]:
        body = crossed(facts, reasoning_effort=effort, max_tokens=10_000)
        return body.get("thinking"), body.get("output_config")

    assert told(ADAPTIVE, "none") == ({"type": "disabled"}, None)
    adaptive = {"type": "adaptive", "display": "summarized"}
    assert told(ADAPTIVE, "minimal") == (adaptive, {"effort": "low"})
    assert told(ADAPTIVE, "high") == (adaptive, {"effort": "high"})
    assert told(BUDGET, "none") == (None, None)
    assert told(BUDGET, "minimal") == ({"type": "enabled", "budget_tokens": 1024}, None)
    assert told(BUDGET, "low") == ({"type": "enabled", "budget_tokens": 2000}, None)
    assert told(BUDGET, "high") == ({"type": "enabled", "budget_tokens": 8000}, None)


def test_an_effort_that_the_model_has_not_is_clamped_and_reported() -> None:
    body, losses = both(ADAPTIVE, reasoning_effort="xhigh")
    assert body["output_config"] == {"effort": "high"}
    assert losses == {"reasoning_effort": "xhigh became high"}


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    body, losses = both(PLAIN, reasoning_effort="high")
    assert "thinking" not in body
    assert losses == {"reasoning_effort": "the model does not think"}


def test_a_model_that_always_thinks_is_not_told_to_stop() -> None:
    body, losses = both(replace(ADAPTIVE, always_thinks=True), reasoning_effort="none")
    assert "thinking" not in body
    assert losses == {"reasoning_effort": "the model always thinks"}


def test_a_budget_above_max_tokens_raises_max_tokens_by_half() -> None:
    body, losses = both(BUDGET, reasoning_budget=4000, max_tokens=1000)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (6000, 4000)
    assert "max_tokens" in losses


def test_a_budget_never_passes_what_the_model_writes() -> None:
    body = crossed(BUDGET, reasoning_budget=100_000)
    assert body["max_tokens"] == 64000
    assert body["thinking"]["budget_tokens"] == 63999


def test_max_tokens_is_the_larger_then_the_models_then_4096() -> None:
    assert crossed(max_tokens=5, max_completion_tokens=7)["max_tokens"] == 7
    assert crossed(PLAIN)["max_tokens"] == 8192
    assert crossed(ModelFacts())["max_tokens"] == 4096


def test_a_temperature_above_1_becomes_1() -> None:
    body, losses = both(temperature=1.7)
    assert body["temperature"] == 1
    assert losses == {"temperature": "1.7 became 1"}


def test_a_top_p_of_1_is_left_out_beside_a_temperature() -> None:
    body, losses = both(temperature=0.5, top_p=1)
    assert "top_p" not in body
    assert losses.keys() == {"top_p"}
    assert crossed(top_p=1)["top_p"] == 1
    assert crossed(catalog_facts("anthropic.claude-v2"), temperature=0.5, top_p=1)["top_p"] == 1


def test_sampling_is_left_out_with_thinking_and_where_the_model_refuses_it() -> None:
    for facts, extra in ((BUDGET, {"reasoning_effort": "low"}), (replace(PLAIN, refuses_sampling=True), {})):
        body, losses = both(facts, temperature=0.2, top_p=0.9, top_k=3, **extra)
        assert not {"temperature", "top_p", "top_k"} & body.keys()
        assert losses.keys() == {"temperature", "top_p", "top_k"}


def test_stop_sequences_of_white_space_are_dropped_and_reported() -> None:
    body, losses = both(stop=["\n", "END"])
    assert body["stop_sequences"] == ["END"]
    assert "stop" in losses
    assert "stop_sequences" not in crossed(stop=" ")


def test_more_than_one_choice_and_audio_are_refused_by_name() -> None:
    assert refused(n=2) == "n"
    assert refused(modalities=["text", "audio"]) == "modalities"
    assert refused(messages=said_by_user({"type": "input_audio", "input_audio": {"format": "wav", "data": PNG}})) == (
        "messages[0].content[0]"
    )


def test_null_is_the_same_as_absent() -> None:
    assert crossed(temperature=None, stop=None, tools=None, seed=None, user=None, response_format=None) == crossed()


def test_only_one_user_id_is_told() -> None:
    body, losses = both(user="u", safety_identifier="s")
    assert body["metadata"] == {"user_id": "u"}
    assert losses.keys() == {"safety_identifier"}
    assert both(safety_identifier="s") == ({**crossed(), "metadata": {"user_id": "s"}}, {})
    assert both(user="u" * 257)[1].keys() == {"user"}
