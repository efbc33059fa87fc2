"""Tools, formats, reasoning and all other fields as Responses gets them.

Shapes after https://developers.openai.com/api/reference/resources/responses/methods/create
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy_api.dialects.responses_requests import (
    HELLO,
    SCHEMA,
    WEATHER,
    both,
    crossed,
    refused,
)


def test_legacy_functions_are_tools_and_their_calls_get_ids() -> None:
    function = {"name": "weather", "parameters": SCHEMA}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    body = crossed(messages=messages, functions=[function], function_call={"name": "weather"})
    assert [item.get("call_id") for item in body["input"]] == [None, "call_1", "call_1"]
    assert body["tool_choice"] == {"type": "function", "name": "weather"}
    assert body["parallel_tool_calls"] is False
    stray = [*HELLO, {"role": "function", "name": "weather", "content": "sunny"}]
    assert refused(messages=stray, functions=[function]) == "messages[1].name"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "function", "name": "weather"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "weather"}}],
                },
            },
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]},
        ),
    ],
)
def test_every_form_of_tool_choice_is_flattened(asked: Any, told: Any) -> None:
    assert crossed(tools=[WEATHER], tool_choice=asked)["tool_choice"] == told


def test_answer_formats_and_verbosity_stand_under_text() -> None:
    form = {"name": "place", "description": "A place", "schema": SCHEMA, "strict": True}
    assert crossed(response_format={"type": "json_schema", "json_schema": form})["text"] == {
        "format": {"type": "json_schema", **form}
    }
    assert crossed(response_format={"type": "json_object"}, verbosity="low")["text"] == {
        "format": {"type": "json_object"},
        "verbosity": "low",
    }
    assert "text" not in crossed(response_format={"type": "text"})


def test_fields_with_the_same_meaning_go_along_unchanged() -> None:
    fields: dict[str, Any] = {
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "stream": True,
        "store": True,
    }
    body, losses = both(**fields)
    assert {name: body[name] for name in fields} == fields
    assert losses == {}


def test_what_responses_does_not_know_is_left_out_and_reported() -> None:
    unknown: dict[str, Any] = {
        "stop": ["x"],
        "seed": 1,
        "top_k": 4,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "logit_bias": {"1": 1},
        "prediction": {"type": "content", "content": "x"},
        "reasoning_budget": 1000,
        "x_unknown": 1,
    }
    body, losses = both(**unknown)
    assert body.keys() == {"model", "input", "store"}
    assert losses.keys() == unknown.keys()


def test_harmless_settings_are_no_loss() -> None:
    assert both(n=1, modalities=["text"], logprobs=False, reasoning_enabled=False) == (crossed(), {})


def test_too_few_tokens_are_raised_to_the_least_that_openai_takes() -> None:
    body, losses = both(max_tokens=1)
    assert (body["max_output_tokens"], list(losses)) == (16, ["max_tokens"])


def test_logprobs_are_asked_for_in_two_places() -> None:
    body = crossed(logprobs=True, top_logprobs=3)
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 3)
    assert both("o3", logprobs=True)[1].keys() == {"logprobs"}


def test_how_many_others_stand_beside_a_token_is_said_even_alone() -> None:
    body, losses = both(top_logprobs=3)
    assert (body["top_logprobs"], "include" in body, losses) == (3, False, {})
    assert both("o3", top_logprobs=3)[1].keys() == {"top_logprobs"}


def test_sealed_reasoning_is_asked_for_where_the_model_reasons_and_nothing_is_stored() -> None:
    assert crossed("gpt-5-codex")["include"] == ["reasoning.encrypted_content"]
    assert crossed("my-deployment", reasoning_effort="low")["include"] == ["reasoning.encrypted_content"]
    assert "include" not in crossed("gpt-5-codex", store=True)
    assert "include" not in crossed("gpt-4o")
    assert "include" not in crossed("openai/gpt-oss-20b", reasoning_effort="low")
    assert "include" not in crossed("gpt-5-chat-latest")


@pytest.mark.parametrize(
    ("model", "asked", "told"),
    [
        ("gpt-5", "minimal", "minimal"),
        ("gpt-5", "none", "minimal"),
        ("gpt-5", "xhigh", "high"),
        ("gpt-5-mini-2025-08-07", "minimal", "minimal"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5.1", "none", "none"),
        ("gpt-5.2-2025-12-11", "xhigh", "xhigh"),
        ("gpt-5-pro", "low", "high"),
        ("gpt-5.2-pro", "low", "medium"),
        ("gpt-5.1-codex-max", "xhigh", "xhigh"),
        ("gpt-5.1-codex", "xhigh", "high"),
        ("openai/o3", "max", "high"),
        ("gpt-5.5", "max", "xhigh"),
        ("openai/gpt-5.6-sol", "max", "max"),
        ("gpt-5.6-luna", "minimal", "low"),
        ("gpt-6-astra", "none", "low"),
        ("gpt-7", "a_level_of_tomorrow", "a_level_of_tomorrow"),
    ],
)
def test_effort_is_the_next_level_that_the_model_has(model: str, asked: str, told: str) -> None:
    body, losses = both(model, reasoning_effort=asked)
    assert body["reasoning"] == {"effort": told}
    assert losses == ({} if asked == told else {"reasoning_effort": f"{asked} became {told}"})


def test_reasoning_switched_off_is_the_least_effort() -> None:
    assert crossed("gpt-5.1", reasoning_enabled=False)["reasoning"] == {"effort": "none"}
    body, losses = both("o3", reasoning_budget=0)
    assert (body["reasoning"], losses) == ({"effort": "low"}, {"reasoning_budget": "none became low"})


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-4.1", None, True),
        ("my-deployment", None, True),
        ("gpt-5", None, False),
        ("o3", None, False),
        ("gpt-5.1", None, True),
        ("gpt-5.1", "low", False),
        ("gpt-5.2", "none", True),
        ("gpt-5.4", None, True),
        ("gpt-5.5", None, False),
        ("openai.gpt-5.6-luna", "none", True),
        ("grok-4", "high", True),
    ],
)
def test_sampling_is_left_out_where_a_reasoning_model_refuses_it(model: str, effort: str | None, kept: bool) -> None:
    body, losses = both(model, temperature=0.5, **({"reasoning_effort": effort} if effort else {}))
    assert ("temperature" in body, "temperature" in losses) == (kept, not kept)


def test_a_client_that_knows_responses_own_words_may_say_them() -> None:
    body, losses = both(
        "gpt-5",
        reasoning_effort="low",
        reasoning={"summary": "auto", "max_tokens": 5},
        include=["web_search_call.action.sources"],
        truncation="auto",
    )
    assert body["reasoning"] == {"summary": "auto", "effort": "low"}
    assert body["include"] == ["web_search_call.action.sources", "reasoning.encrypted_content"]
    assert (body["truncation"], losses) == ("auto", {})


def test_web_search_options_become_the_tool() -> None:
    place = {"type": "approximate", "approximate": {"country": "FR"}}
    body = crossed(web_search_options={"search_context_size": "low", "user_location": place})
    assert body["tools"] == [
        {
            "type": "web_search",
            "search_context_size": "low",
            "user_location": {"type": "approximate", "country": "FR"},
        }
    ]
