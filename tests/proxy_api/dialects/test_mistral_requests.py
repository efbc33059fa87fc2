"""OpenAI requests as Mistral gets them. Shapes after https://docs.mistral.ai/api/endpoint/chat"""

from __future__ import annotations

import re
from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.dialects import mistral, openai_chat
from proxy_api.errors import BadRequest

PNG = "data:image/png;base64,iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather"}}


def both(**fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Mistral, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": "mistral-x", "messages": HELLO, **fields})
    body, losses = mistral.write_request(asked, ModelFacts())
    return body, {loss.param: loss.reason for loss in losses}


def crossed(**fields: Any) -> dict[str, Any]:
    return both(**fields)[0]


def refused(**fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(**fields)
    return caught.value.param


def call(id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def asking(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def test_a_plain_request_says_no_more_than_it_was_told() -> None:
    assert both() == ({"model": "mistral-x", "messages": HELLO}, {})


UNHEARD: dict[str, Any] = {
    "user": "u",
    "store": True,
    "logit_bias": {"1": 2},
    "verbosity": "low",
    "modalities": ["text"],
    "safety_identifier": "s",
    "web_search_options": {},
    "x_unheard_of": 1,
}
KEPT: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "n": 2,
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "logprobs": True,
    "top_logprobs": 2,
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "reasoning_effort": "high",
    "parallel_tool_calls": False,
    "tools": [WEATHER],
    "response_format": {"type": "json_object"},
    "safe_prompt": True,
}


def test_mistral_gets_no_field_that_it_does_not_know() -> None:
    renamed = {"max_tokens": 5, "max_completion_tokens": 7, "seed": 3, "stop": "END", "service_tier": "default"}
    body, losses = both(**UNHEARD, **KEPT, **renamed, stream=True, stream_options={"include_usage": True})
    function = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    assert body == {
        "model": "mistral-x",
        "messages": HELLO,
        **KEPT,
        "tools": [{"type": "function", "function": function}],
        "max_tokens": 7,
        "random_seed": 3,
        "stop": ["END"],
        "service_tier": "standard_only",
        "stream": True,
    }
    assert losses.keys() == UNHEARD.keys()


def test_developer_messages_are_system_messages_where_they_stand() -> None:
    messages = [{"role": "developer", "content": "A"}, *HELLO, {"role": "system", "content": "B"}, *HELLO]
    assert [said["role"] for said in crossed(messages=messages)["messages"]] == ["system", "user", "system", "user"]


def test_foreign_ids_become_nine_characters_in_the_call_and_in_its_result() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call("functions.weather:0"), call("Df1cqWOle")]},
        {"role": "tool", "tool_call_id": "functions.weather:0", "content": "1"},
        {"role": "tool", "tool_call_id": "Df1cqWOle", "content": "2", "name": "weather"},
    ]
    said = crossed(messages=messages)["messages"]
    ids = [one["id"] for one in said[1]["tool_calls"]]
    assert re.fullmatch("[a-zA-Z0-9]{9}", ids[0])
    assert ids[1] == "Df1cqWOle"
    assert [one["tool_call_id"] for one in said[2:]] == ids
    assert crossed(messages=messages)["messages"] == said
    assert said[1]["content"] == ""
    assert said[3]["name"] == "weather"


def test_legacy_functions_are_tools_one_at_a_time() -> None:
    messages: list[dict[str, Any]] = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": ""}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    body = crossed(messages=messages, functions=[{"name": "weather"}])
    made = body["messages"][1]["tool_calls"][0]
    assert made["function"]["arguments"] == "{}"
    assert body["messages"][2]["tool_call_id"] == made["id"]
    assert body["parallel_tool_calls"] is False
    messages[2]["name"] = "clock"
    assert refused(messages=messages) == "messages[2].name"


def test_an_answer_that_stands_last_is_a_prefix() -> None:
    messages = [*HELLO, {"role": "assistant", "content": "Well,"}]
    assert crossed(messages=messages)["messages"][-1]["prefix"] is True
    assert "prefix" not in crossed(messages=[*messages, *HELLO])["messages"][1]
    called = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call("a")]}]
    assert "prefix" not in crossed(messages=called)["messages"][1]


def test_reasoning_goes_back_as_thinking_before_the_text() -> None:
    thoughts = [{"id": "s1", "content": "Hm."}, {"id": None, "redacted": "sealed"}]
    body, losses = both(messages=[*HELLO, {"role": "assistant", "content": "Yes.", "reasoning": thoughts}, *HELLO])
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True, "signature": "s1"},
        {"type": "text", "text": "Yes."},
    ]
    assert losses == {"messages[1].reasoning": "sealed by another provider"}


def test_images_documents_and_audio_have_their_chunks() -> None:
    body, losses = both(
        messages=asking(
            {"type": "text", "text": "What?"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
            {"type": "file", "file": {"file_data": PNG}},
            {"type": "file", "file": {"file_id": "f1"}},
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
            {"type": "document_url", "document_url": "https://example.com/a.docx"},
        )
    )
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERg==", "document_name": "a.pdf"},
        {"type": "image_url", "image_url": PNG},
        {"type": "file", "file_id": "f1"},
        {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        {"type": "document_url", "document_url": "https://example.com/a.docx"},
    ]
    assert losses == {}


def test_a_file_of_text_is_said_as_text() -> None:
    part = {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxi"}}
    body, losses = both(messages=asking(part))
    assert body["messages"][0]["content"] == "a.csv:\na,b"
    assert losses == {"messages[0].content[0]": "sent as text"}


def test_what_mistral_cannot_be_told_is_refused_by_name() -> None:
    assert refused(messages=asking({"type": "text", "text": "x"}, {"type": "video_url", "video_url": "x"})) == (
        "messages[0].content[1]"
    )
    assert refused(messages=asking({"type": "image_url", "image_url": {"url": "ftp://a/b"}})) == (
        "messages[0].content[0]"
    )
    assert refused(modalities=["audio"]) == "modalities"
    assert refused(tool_choice="required") == "tool_choice"
    assert refused(messages=[{"role": "assistant", "content": ""}]) == "messages"
    bad = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call("a", "[]")]}]
    assert refused(messages=bad) == "messages[1].tool_calls[0].function.arguments"
    picture = [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}]
    assert refused(messages=picture) == "messages[0].content[0]"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "any"),
        ({"type": "function", "function": {"name": "weather"}}, WEATHER),
    ],
)
def test_every_tool_choice_has_its_word(said: Any, told: Any) -> None:
    assert crossed(tools=[WEATHER], tool_choice=said)["tool_choice"] == told


def test_allowed_tools_leave_only_the_allowed() -> None:
    other = {"type": "function", "function": {"name": "clock"}}
    allowed = {"mode": "required", "tools": [other]}
    body = crossed(tools=[WEATHER, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["clock"]
    assert body["tool_choice"] == "any"


def test_b13_a_schema_goes_along_with_tools() -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    form = {"name": "answer", "schema": schema, "strict": True}
    body = crossed(tools=[WEATHER], response_format={"type": "json_schema", "json_schema": form})
    assert body["response_format"] == {"type": "json_schema", "json_schema": form}
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["z", "a"]
    assert "tools" in body


@pytest.mark.parametrize(
    ("fields", "effort", "lost"),
    [
        ({"reasoning_effort": "none"}, "none", set()),
        ({"reasoning_effort": "minimal"}, "minimal", set()),
        ({"reasoning_enabled": False}, "none", set()),
        ({"reasoning_enabled": True}, "high", set()),
        ({"reasoning_budget": 0}, "none", set()),
        ({"reasoning_budget": 2048}, "high", {"reasoning_budget"}),
        ({"reasoning_budget": 2048, "reasoning_effort": "low"}, "low", {"reasoning_budget"}),
    ],
)
def test_b12_reasoning_is_a_level(fields: dict[str, Any], effort: str, lost: set[str]) -> None:
    body, losses = both(**fields)
    assert (body["reasoning_effort"], set(losses)) == (effort, lost)


def test_a_prediction_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert crossed(prediction={"type": "content", "content": parts})["prediction"]["content"] == "ab"


def test_marks_of_other_providers_are_reported() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    losses = both(messages=asking({"type": "text", "text": "x", **mark}), tools=[WEATHER | mark], service_tier="flex")[
        1
    ]
    assert losses.keys() == {"messages[0].content[0].cache_control", "tools[0].cache_control", "service_tier"}
