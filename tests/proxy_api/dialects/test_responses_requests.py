"""OpenAI chat requests as Responses gets them.

Shapes after https://developers.openai.com/api/reference/resources/responses/methods/create
"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.chat import Opaque, Text
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.errors import BadRequest

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def both(model: str = "gpt-4o", **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Responses, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": model, "messages": HELLO, **fields})
    body, losses = openai_responses.write_request(asked, ModelFacts())
    return body, {loss.param: loss.reason for loss in losses}


def crossed(model: str = "gpt-4o", **fields: Any) -> dict[str, Any]:
    return both(model, **fields)[0]


def refused(**fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(**fields)
    return caught.value.param


def said_by_user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def call(arguments: str, id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_b21_max_tokens_strict_and_assistant_text_are_kept_and_calls_go_by_their_call_id() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *HELLO,
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call('{"city":"Rome"}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    strict = {"type": "function", "function": {**WEATHER["function"], "name": "exact", "strict": True}}
    body = crossed(messages=messages, tools=[WEATHER, strict], max_completion_tokens=50)
    assert body == {
        "model": "gpt-4o",
        "max_output_tokens": 50,
        "store": False,
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Let me see."}],
            },
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rome"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        ],
        "tools": [
            {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False},
            {"type": "function", "name": "exact", "parameters": SCHEMA, "strict": True},
        ],
    }


def test_images_and_files_are_said_in_every_form() -> None:
    body = crossed(
        messages=said_by_user(
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
            {"type": "file", "file": {"file_data": "data:text/csv;base64,YQ=="}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        )
    )
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "filename": "file.csv", "file_data": "data:text/csv;base64,YQ=="},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]


def test_a_tool_result_may_hold_text_and_pictures() -> None:
    content = [{"type": "text", "text": "A map"}, {"type": "image_url", "image_url": {"url": "https://e.com/m.png"}}]
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": content},
    ]
    assert crossed(messages=messages)["input"][2]["output"] == [
        {"type": "input_text", "text": "A map"},
        {"type": "input_image", "image_url": "https://e.com/m.png"},
    ]


def test_what_responses_cannot_say_is_refused_with_its_param() -> None:
    audio = {"type": "input_audio", "input_audio": {"format": "wav", "data": "UklGRg=="}}
    assert refused(messages=said_by_user({"type": "text", "text": "x"}, audio)) == "messages[0].content[1]"
    assert refused(messages=said_by_user({"type": "file", "file": {}})) == "messages[0].content[0]"
    assert refused(messages=said_by_user({"type": "part_of_tomorrow"})) == "messages[0].content[0]"
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert refused(messages=[*HELLO, {"role": "assistant", "content": [image]}]) == "messages[1].content[0]"
    assert refused(n=2) == "n"
    assert refused(modalities=["text", "audio"], audio={"voice": "alloy"}) == "modalities"


def test_a_refusal_of_the_assistant_is_one_again() -> None:
    body = crossed(messages=[*HELLO, {"role": "assistant", "content": None, "refusal": "No."}, *HELLO])
    assert body["input"][1]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_system_and_developer_messages_keep_their_role_and_place() -> None:
    messages = [*HELLO, {"role": "developer", "content": "One"}, {"role": "system", "content": "Two"}]
    roles = [(item["role"], item["content"]) for item in crossed(messages=messages)["input"]]
    assert roles == [("user", "Hello"), ("developer", "One"), ("system", "Two")]


def test_thoughts_go_back_as_the_items_that_they_were() -> None:
    thoughts = [{"id": "rs_1:sealed", "content": "hm"}, {"id": "rs_2#", "content": "in clear"}]
    messages = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning": thoughts}, *HELLO]
    body, losses = both("gpt-5", messages=messages)
    assert body["input"][1:3] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "encrypted_content": "sealed",
            "summary": [{"type": "summary_text", "text": "hm"}],
        },
        {
            "type": "reasoning",
            "id": "rs_2",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "in clear"}],
        },
    ]
    assert losses == {}


@pytest.mark.parametrize(
    ("model", "thought", "reason"),
    [
        ("gpt-5", {"id": "EqQBCgIYAhIM", "content": "Anthropic's"}, "has no signature of OpenAI's"),
        ("gpt-5", {"id": None, "redacted": "sealed"}, "has no signature of OpenAI's"),
        ("gpt-5", {"id": "rs_1:", "content": "nothing is stored"}, "has no signature of OpenAI's"),
        ("gpt-4o", {"id": "rs_1:sealed", "content": "hm"}, "this model does not think"),
    ],
)
def test_a_thought_that_openai_would_refuse_stays_behind(model: str, thought: dict[str, Any], reason: str) -> None:
    messages = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning": [thought]}, *HELLO]
    body, losses = both(model, messages=messages)
    assert [item.get("type", "message") for item in body["input"]] == ["message"] * 3
    assert losses == {"messages[1].reasoning": reason}


def test_an_id_alone_finds_a_thought_that_openai_has_stored() -> None:
    thought = {"id": "rs_1:", "content": ""}
    messages = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning": [thought]}, *HELLO]
    assert crossed("gpt-5", messages=messages, store=True)["input"][1] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
    }


def test_a_thought_that_nothing_follows_stays_behind() -> None:
    thought = {"id": "rs_1:sealed", "content": "hm"}
    body, losses = both(
        "gpt-5", messages=[*HELLO, {"role": "assistant", "content": "", "reasoning": [thought]}, *HELLO]
    )
    assert len(body["input"]) == 2
    assert losses == {"messages[1].reasoning": "nothing follows it"}


def test_what_has_no_word_beside_the_content_is_reported() -> None:
    messages = [
        {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "x", "cache_control": {"type": "e"}}]},
        {"role": "assistant", "tool_calls": [call("{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "broken", "is_error": True},
    ]
    _, losses = both(messages=messages, tools=[{**WEATHER, "cache_control": {"type": "ephemeral"}}])
    assert list(losses) == [
        "messages[0].name",
        "messages[0].content[0].cache_control",
        "messages[2].is_error",
        "tools[0].cache_control",
    ]


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


def test_a_responses_request_is_read_with_its_instructions_and_its_own_items() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    body = {"model": "gpt-5", "instructions": "Be brief.", "input": [search, {"role": "user", "content": "Go on"}]}
    asked = openai_responses.read_request(body)
    assert [message.role for message in asked.messages] == ["system", "assistant", "user"]
    assert asked.messages[0].parts == (Text("Be brief."),)
    assert asked.messages[1].parts == (Opaque("openai_responses", search),)
    assert openai_responses.write_request(asked, ModelFacts())[0]["input"][1] == search
    assert openai_responses.read_request({"model": "m", "input": "Hi"}).messages[0].parts == (Text("Hi"),)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "hosted"}}, "tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
    ],
)
def test_a_responses_request_for_what_runs_only_at_openai_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        openai_responses.read_request({"model": "m", "input": "Hi", **fields})
    assert caught.value.param == param
