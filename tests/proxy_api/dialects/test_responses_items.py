"""Messages as Responses gets them, item by item, and as it says them itself.

Shapes after https://developers.openai.com/api/reference/resources/responses/methods/create
"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.chat import Opaque, Text
from proxy_api.dialects import openai_responses
from proxy_api.errors import BadRequest
from tests.proxy_api.dialects.responses_requests import (
    HELLO,
    SCHEMA,
    WEATHER,
    both,
    call,
    crossed,
    refused,
    said_by_user,
)


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
