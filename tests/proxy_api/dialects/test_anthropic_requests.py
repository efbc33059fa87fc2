"""OpenAI requests as Anthropic gets them. Shapes after https://platform.claude.com/docs/en/api/messages/create"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.catalog import facts as catalog_facts
from proxy_api.dialects import anthropic, openai_chat
from proxy_api.errors import BadRequest

BUDGET = ModelFacts(max_output_tokens=64000, thinking="budget", structured_output=True, takes_budget=True)
ADAPTIVE = ModelFacts(128000, "adaptive", ("low", "medium", "high", "max"), False, True)
PLAIN = ModelFacts(max_output_tokens=8192)
PNG = "iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def crossed(facts: ModelFacts = PLAIN, **fields: Any) -> dict[str, Any]:
    return both(facts, **fields)[0]


def both(facts: ModelFacts = PLAIN, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Anthropic, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": "claude-x", "messages": HELLO, **fields})
    body, losses = anthropic.write_request(asked, facts)
    return body, {loss.param: loss.reason for loss in losses}


def refused(facts: ModelFacts = PLAIN, **fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(facts, **fields)
    return caught.value.param


def said_by_user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def call(arguments: str, id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_m18_text_image_pdf_call_and_result_cross_to_anthropic() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *said_by_user(
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        ),
        {"role": "assistant", "content": None, "tool_calls": [call('{"city":"Rome"}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    body = crossed(messages=messages, tools=[WEATHER])
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                image,
                {"type": "document", "source": pdf, "title": "a.pdf"},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]},
    ]
    assert body["tools"] == [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]


def test_m19_reasoning_goes_back_with_its_signature_and_cache_marks_stay() -> None:
    mark = {"type": "ephemeral"}
    messages = [
        *said_by_user({"type": "text", "text": "Hi", "cache_control": mark}),
        {
            "role": "assistant",
            "content": "Hello",
            "reasoning": [{"id": "sig", "content": "hm"}, {"id": None, "redacted": "sealed"}],
        },
        {"role": "user", "content": "More"},
    ]
    body = crossed(BUDGET, messages=messages, tools=[{**WEATHER, "cache_control": mark}])
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hi", "cache_control": mark}]
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "text", "text": "Hello"},
    ]
    assert body["tools"][0]["cache_control"] == mark


def test_m19_reasoning_budget_and_enabled_are_told() -> None:
    assert crossed(BUDGET, reasoning_budget=2000, max_tokens=8000)["thinking"] == {
        "type": "enabled",
        "budget_tokens": 2000,
    }
    assert "thinking" in crossed(BUDGET, reasoning_enabled=True)
    assert "thinking" not in crossed(BUDGET, reasoning_enabled=False)
    assert "thinking" not in crossed(BUDGET, reasoning_budget=0, reasoning_effort="high")


def test_reasoning_without_a_signature_stays_behind_and_is_reported() -> None:
    messages = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}, *HELLO]
    body, losses = both(BUDGET, messages=messages)
    assert body["messages"][1]["content"] == "Hi"
    assert losses == {"messages[1].reasoning": "has no signature"}


def test_b9_developer_and_both_system_messages_are_sent_in_order() -> None:
    messages = [
        {"role": "system", "content": "One"},
        *HELLO,
        {"role": "developer", "content": [{"type": "text", "text": "Two", "cache_control": {"type": "ephemeral"}}]},
        {"role": "system", "content": "Three"},
    ]
    body = crossed(messages=messages)
    assert [block["text"] for block in body["system"]] == ["One", "Two", "Three"]
    assert body["system"][1]["cache_control"] == {"type": "ephemeral"}
    assert body["messages"] == [{"role": "user", "content": "Hello"}]


def test_b9_empty_tool_arguments_are_an_empty_object() -> None:
    messages = [*HELLO, {"role": "assistant", "content": "", "tool_calls": [call("")]}]
    assert crossed(messages=messages)["messages"][1]["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ["{", "[]", '"text"', "NaN", '{"a": NaN}'])
def test_arguments_that_are_no_json_object_are_refused_by_name(arguments: str) -> None:
    messages = [*HELLO, {"role": "assistant", "tool_calls": [call("{}"), call(arguments, "call_2")]}]
    assert refused(messages=messages) == "messages[1].tool_calls[1].function.arguments"


def test_an_integer_beyond_64_bits_in_arguments_stays_exact() -> None:
    messages = [*HELLO, {"role": "assistant", "tool_calls": [call('{"n":123456789012345678901234567890}')]}]
    assert crossed(messages=messages)["messages"][1]["content"][0]["input"] == {"n": 123456789012345678901234567890}


def test_b10_anthropic_gets_no_field_that_it_does_not_know() -> None:
    everything: dict[str, Any] = {
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
    kept: dict[str, Any] = {
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
    body, losses = both(**everything, **kept)
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
    assert set(losses) == set(everything)


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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
    ],
)
def test_every_tool_choice_has_its_word(said: Any, told: dict[str, Any]) -> None:
    assert crossed(tools=[WEATHER], tool_choice=said)["tool_choice"] == told


def test_allowed_tools_leave_only_the_allowed() -> None:
    other = {"type": "function", "function": {"name": "clock"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]}
    body = crossed(tools=[WEATHER, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert body["tools"] == [{"name": "clock", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "any"}


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    assert refused(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}}) == "tool_choice"
    assert refused(tool_choice="required") == "tool_choice"


def test_tool_names_and_kinds_are_checked() -> None:
    bad = {"type": "function", "function": {"name": "no spaces"}}
    assert refused(tools=[WEATHER, bad]) == "tools[1].function.name"
    assert refused(tools=[{"type": "custom", "custom": {"name": "x"}}]) == "tools[0].type"


def test_one_call_at_a_time_is_said_with_an_auto_choice() -> None:
    body = crossed(tools=[WEATHER], parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in crossed(parallel_tool_calls=False)


def test_a_forced_tool_stays_and_thinking_gives_way() -> None:
    body, losses = both(BUDGET, tools=[WEATHER], tool_choice="required", reasoning_effort="high", temperature=0.3)
    assert body["tool_choice"] == {"type": "any"}
    assert "thinking" not in body
    assert body["temperature"] == 0.3
    assert losses.keys() == {"reasoning_effort"}


def test_results_come_first_and_turns_of_one_role_are_merged() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}", "a"), call("{}", "b")]},
        {"role": "user", "content": "Wait"},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "user", "content": "Now"},
    ]
    assert crossed(messages=messages)["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "content": "2"},
        {"type": "text", "text": "Wait"},
        {"type": "text", "text": "Now"},
    ]


def test_the_named_param_counts_the_clients_messages() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}", "a"), call("{}", "b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "input_audio", "input_audio": {}}]},
    ]
    assert refused(messages=messages) == "messages[3].content[0]"
    messages[3]["content"] = "2"
    messages.append({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "video", "video": {}}]})
    assert refused(messages=messages) == "messages[4].content[1]"


def test_ids_of_other_models_fit_in_the_call_and_in_its_result() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}", "functions.weather:0")]},
        {"role": "tool", "tool_call_id": "functions.weather:0", "content": "1"},
    ]
    turns = crossed(messages=messages)["messages"]
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == "functions_weather_0"


def test_legacy_functions_are_tools_with_ids_of_our_making() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    body = crossed(messages=messages, functions=[{"name": "weather"}], function_call={"name": "weather"})
    assert body["messages"][1]["content"][0] == {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
    assert body["messages"][2]["content"][0]["tool_use_id"] == "call_1"
    assert body["tool_choice"] == {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}
    messages[2]["name"] = "clock"
    assert refused(messages=messages) == "messages[2].name"


def test_empty_texts_and_messages_are_left_out_but_not_all_of_them() -> None:
    messages = [*HELLO, {"role": "assistant", "content": ""}, *said_by_user({"type": "text", "text": ""})]
    assert crossed(messages=messages)["messages"] == [{"role": "user", "content": "Hello"}]
    assert refused(messages=[{"role": "system", "content": "x"}]) == "messages"


@pytest.mark.parametrize(
    "url",
    ["data:image/heic;base64,aGk=", "data:image/png;base64,no base64!", "ftp://example.com/a.png", "data:image/png,x"],
)
def test_an_image_that_anthropic_cannot_read_is_refused(url: str) -> None:
    assert refused(messages=said_by_user({"type": "image_url", "image_url": {"url": url}})) == "messages[0].content[0]"


def test_an_image_above_5_mb_is_refused_and_an_address_is_passed_on() -> None:
    large = "data:image/png;base64," + "AAAA" * (5 * 1024 * 1024 // 3 + 1)
    assert refused(messages=said_by_user({"type": "image_url", "image_url": {"url": large}})) is not None
    body, losses = both(
        messages=said_by_user({"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}})
    )
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}}
    ]
    assert losses.keys() == {"messages[0].content[0].image_url.detail"}


def test_text_files_are_documents_of_plain_text_and_file_ids_are_refused() -> None:
    csv = {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}}
    source = crossed(messages=said_by_user(csv))["messages"][0]["content"][0]["source"]
    assert source == {"type": "text", "media_type": "text/plain", "data": "a,b"}
    with pytest.raises(BadRequest, match="File part missing file_data"):
        crossed(messages=said_by_user({"type": "file", "file": {"file_id": "file-1"}}))


SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "object", "properties": {}}}}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def test_b13_a_schema_with_tools_is_an_output_format_where_the_model_has_one() -> None:
    body, losses = both(BUDGET, response_format=FORM, tools=[WEATHER])
    schema = body["output_config"]["format"]["schema"]
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert schema["additionalProperties"] is schema["properties"]["a"]["additionalProperties"] is False
    assert list(schema["properties"]) == ["z", "a"]
    assert "tool_choice" not in body
    assert losses.keys() == {"response_format.json_schema.schema"}


def test_a_schema_is_a_forced_tool_where_the_model_has_no_output_format() -> None:
    body, losses = both(PLAIN, response_format=FORM)
    assert [tool["name"] for tool in body["tools"]] == ["json"]
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "json"}
    assert losses.keys() == {"response_format"}
    with_tools = crossed(PLAIN, response_format=FORM, tools=[WEATHER])
    assert [tool["name"] for tool in with_tools["tools"]] == ["weather", "json"]
    assert with_tools["tool_choice"] == {"type": "any"}


def test_a_json_object_is_a_forced_tool_or_a_line_in_the_system_text() -> None:
    form = {"type": "json_object"}
    assert crossed(PLAIN, response_format=form)["tool_choice"] == {"type": "tool", "name": "json"}
    for facts, extra in ((PLAIN, {"tools": [WEATHER]}), (BUDGET, {"reasoning_effort": "high"})):
        body, losses = both(facts, response_format=form, **extra)
        assert "JSON" in body["system"][0]["text"]
        assert "tool_choice" not in body
        assert "response_format" in losses


def test_only_one_user_id_is_told() -> None:
    body, losses = both(user="u", safety_identifier="s")
    assert body["metadata"] == {"user_id": "u"}
    assert losses.keys() == {"safety_identifier"}
    assert both(safety_identifier="s") == ({**crossed(), "metadata": {"user_id": "s"}}, {})
    assert both(user="u" * 257)[1].keys() == {"user"}
