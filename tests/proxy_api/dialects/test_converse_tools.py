"""Tools, answer formats, reasoning, sampling and the other parameters as Bedrock's Converse gets them.

Shapes after https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.proxy_api.dialects.converse import (
    ADAPTIVE,
    CLAUDE,
    GPT,
    LLAMA,
    MISTRAL,
    NEWS,
    NOVA,
    QWEN,
    SCHEMA,
    WEATHER,
    both,
    call,
    called,
    crossed,
    refused,
)


def test_b19_tool_choice_and_max_completion_tokens_are_told() -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    body = crossed(tools=[WEATHER, NEWS], tool_choice=named, max_tokens=5, max_completion_tokens=50)
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert body["inferenceConfig"] == {"maxTokens": 50}
    assert crossed(tools=[WEATHER], tool_choice="required")["toolConfig"]["toolChoice"] == {"any": {}}
    assert crossed(tools=[WEATHER], tool_choice="auto")["toolConfig"]["toolChoice"] == {"auto": {}}
    assert "toolChoice" not in crossed(tools=[WEATHER])["toolConfig"]


def test_b19_two_calls_and_both_results_stand_in_one_turn_each() -> None:
    messages = [
        *called(call('{"a":1}', "a"), call("", "b", "news"), a="one", b=""),
        {"role": "user", "content": "And now?"},
    ]
    body = crossed(messages=messages, tools=[WEATHER, NEWS])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][1] == {"toolUse": {"toolUseId": "b", "name": "news", "input": {}}}
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "one"}]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": ""}]}},
        {"text": "And now?"},
    ]


def test_a_choice_of_none_leaves_the_tools_out_but_not_where_the_history_has_calls() -> None:
    body, losses = both(tools=[WEATHER], tool_choice="none")
    assert "toolConfig" not in body
    assert losses == {}
    body, losses = both(messages=called(call("{}"), call_1="x"), tools=[WEATHER], tool_choice="none")
    assert len(body["toolConfig"]["tools"]) == 1
    assert losses.keys() == {"tool_choice"}


def test_a_history_with_calls_declares_their_tools_where_the_request_has_none() -> None:
    body, losses = both(messages=called(call("{}"), call_1="x"))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["weather"]
    assert losses == {"tools": "declared as the history has calls"}


def test_a_model_that_cannot_be_forced_is_not() -> None:
    body, losses = both(LLAMA, tools=[WEATHER], tool_choice="required")
    assert "toolChoice" not in body["toolConfig"]
    assert losses.keys() == {"tool_choice"}


def test_a_model_that_can_be_forced_to_any_tool_gets_only_the_named_one() -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    body, losses = both(MISTRAL, tools=[NEWS, WEATHER], tool_choice=named)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["weather"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert losses.keys() == {"tool_choice"}


def test_an_allowed_list_leaves_only_its_tools() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "news"}}]}
    body = crossed(tools=[WEATHER, NEWS], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["news"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}


def test_a_tool_says_its_description_and_strictness_where_the_model_has_it() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "Does.", "parameters": SCHEMA, "strict": True}}
    spec = {"name": "f", "inputSchema": {"json": SCHEMA}, "description": "Does."}
    assert crossed(tools=[tool])["toolConfig"]["tools"] == [{"toolSpec": {**spec, "strict": True}}]
    body, losses = both(NOVA, tools=[tool])
    assert body["toolConfig"]["tools"] == [{"toolSpec": spec}]
    assert losses.keys() == {"tools[0].function.strict"}
    empty = {"type": "function", "function": {"name": "f", "description": ""}}
    assert "description" not in crossed(tools=[empty])["toolConfig"]["tools"][0]["toolSpec"]


def test_names_of_tools_that_bedrock_refuses_are_refused_by_name() -> None:
    tool = {"type": "function", "function": {"name": "a.b"}}
    assert refused(tools=[WEATHER, tool])[0] == "tools[1].function.name"
    assert refused(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}})[0] == "tool_choice"


def schema_format(**more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, **more}}


@pytest.mark.parametrize("model", [CLAUDE, QWEN, GPT])
def test_b13_a_json_schema_is_text_in_the_output_config_with_tools_beside_it(model: str) -> None:
    body, losses = both(model, tools=[WEATHER], response_format=schema_format(description="An answer."))
    form = body["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    assert form["structure"]["jsonSchema"] == {
        "name": "answer",
        "description": "An answer.",
        "schema": json.dumps({**SCHEMA, "additionalProperties": False}, separators=(",", ":")),
    }
    assert len(body["toolConfig"]["tools"]) == 1
    assert losses == {"response_format.json_schema.schema": "additionalProperties set to false"}


def test_a_model_without_structured_output_answers_through_a_forced_tool() -> None:
    body, losses = both(NOVA, response_format=schema_format())
    tools = body["toolConfig"]["tools"]
    assert tools[0]["toolSpec"]["name"] == "json"
    assert tools[0]["toolSpec"]["inputSchema"] == {"json": SCHEMA}
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert losses == {"response_format": "answered through a forced tool"}
    assert len(crossed(NOVA, tools=[WEATHER], response_format=schema_format())["toolConfig"]["tools"]) == 2


def test_a_model_that_can_be_neither_is_asked_in_the_system_text() -> None:
    body, losses = both(LLAMA, response_format=schema_format())
    assert '"b":' in body["system"][0]["text"]
    assert losses == {"response_format": "asked for in the system text"}


def test_json_without_a_schema_is_asked_for_in_the_system_text() -> None:
    body, losses = both(response_format={"type": "json_object"})
    assert "JSON" in body["system"][0]["text"]
    assert losses == {"response_format": "asked for in the system text"}


def test_sampling_is_clamped_to_bedrocks_range_and_reported() -> None:
    body, losses = both(QWEN, temperature=1.5, top_p=0.5, stop="END")
    assert body["inferenceConfig"] == {"temperature": 1, "topP": 0.5, "stopSequences": ["END"]}
    assert losses.keys() == {"temperature"}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        (MISTRAL, {"top_k": 5}),
        ("cohere.command-r-v1:0", {"k": 5}),
    ],
)
def test_top_k_stands_where_each_family_has_it(model: str, fields: dict[str, Any]) -> None:
    assert crossed(model, top_k=5)["additionalModelRequestFields"] == fields


def test_top_k_is_reported_where_a_family_has_none() -> None:
    body, losses = both(LLAMA, top_k=5)
    assert "additionalModelRequestFields" not in body
    assert losses.keys() == {"top_k"}


def test_claude_reasons_by_its_own_fields() -> None:
    body = crossed(reasoning_budget=2000, max_tokens=8000, temperature=0.5)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert body["inferenceConfig"] == {"maxTokens": 8000}
    adaptive = crossed(ADAPTIVE, reasoning_effort="high")
    assert adaptive["additionalModelRequestFields"]["thinking"]["type"] == "adaptive"
    assert adaptive["additionalModelRequestFields"]["output_config"] == {"effort": "high"}
    assert "inferenceConfig" not in adaptive
    assert "additionalModelRequestFields" not in crossed(ADAPTIVE, reasoning_effort="none")


def test_nova_reasons_by_effort_and_with_the_highest_takes_no_limits() -> None:
    body, losses = both(NOVA, reasoning_effort="low", max_tokens=50, temperature=0.5)
    enabled = {"type": "enabled", "maxReasoningEffort": "low"}
    assert body["additionalModelRequestFields"] == {"reasoningConfig": enabled}
    assert body["inferenceConfig"] == {"maxTokens": 50, "temperature": 0.5}
    assert losses == {}
    body, losses = both(NOVA, reasoning_effort="high", max_tokens=50, temperature=0.5, top_p=0.5, top_k=3)
    assert "inferenceConfig" not in body
    assert body["additionalModelRequestFields"].keys() == {"reasoningConfig"}
    assert losses.keys() == {"max_tokens", "temperature", "top_p", "top_k"}
    disabled = {"reasoningConfig": {"type": "disabled"}}
    assert crossed(NOVA, reasoning_effort="none")["additionalModelRequestFields"] == disabled


def test_gpt_oss_reasons_by_level_and_always() -> None:
    assert crossed(GPT, reasoning_effort="high")["additionalModelRequestFields"] == {"reasoning_effort": "high"}
    body, losses = both(GPT, reasoning_effort="none")
    assert body["additionalModelRequestFields"] == {"reasoning_effort": "low"}
    assert losses.keys() == {"reasoning_effort"}
    assert both(GPT, reasoning_budget=500)[1].keys() == {"reasoning_budget"}


def test_b12_effort_none_minimal_and_high_differ() -> None:
    for model in (CLAUDE, NOVA):
        efforts = ("none", "minimal", "high")
        told = [crossed(model, reasoning_effort=effort, max_tokens=8000) for effort in efforts]
        assert told[0] != told[1] != told[2] != told[0]


def test_reasoning_that_a_model_does_not_know_is_reported() -> None:
    assert both(LLAMA, reasoning_effort="high")[1].keys() == {"reasoning_effort"}
    assert both(LLAMA, reasoning_effort="none")[1] == {}


def test_service_tier_and_metadata_are_told_in_bedrocks_words() -> None:
    body, losses = both(service_tier="flex", metadata={"team": "a b", "bad": "ü"})
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"team": "a b"}
    assert losses.keys() == {"metadata"}
    assert "serviceTier" not in crossed(service_tier="auto")
    assert both(service_tier="scale")[1].keys() == {"service_tier"}
    many = {f"k{number}": "v" for number in range(17)}
    assert len(crossed(metadata=many)["requestMetadata"]) == 16


def test_b10_bedrock_gets_no_field_that_it_does_not_know() -> None:
    everything: dict[str, Any] = {
        "frequency_penalty": 1,
        "presence_penalty": 1,
        "logit_bias": {"1": 2},
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
        "store": True,
        "verbosity": "low",
        "prompt_cache_key": "k",
        "seed": 1,
        "parallel_tool_calls": False,
        "x_unheard_of": 1,
    }
    body, losses = both(**everything, tools=[WEATHER], n=1, stream=True, stream_options={"include_usage": True})
    assert body.keys() == {"messages", "toolConfig"}
    assert set(losses) == set(everything)


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"n": 2}, "n"), ({"modalities": ["text", "audio"]}, "modalities"), ({"audio": {"voice": "a"}}, "audio")],
)
def test_what_cannot_be_carried_out_is_refused(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields)[0] == param
