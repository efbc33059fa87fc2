"""Messages and media as Anthropic gets them. Shapes after https://platform.claude.com/docs/en/api/messages/create"""

from __future__ import annotations

import pytest

from proxy_api.errors import BadRequest
from tests.proxy_api.dialects.anthropic_requests import (
    BUDGET,
    HELLO,
    PNG,
    WEATHER,
    both,
    call,
    crossed,
    refused,
    said_by_user,
)

TALK = [
    {"role": "system", "content": "Be brief."},
    *said_by_user(
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
    ),
    {"role": "assistant", "content": None, "tool_calls": [call('{"city":"Rome"}')]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]


def test_m18_text_image_pdf_call_and_result_cross_to_anthropic() -> None:
    body = crossed(messages=TALK, tools=[WEATHER])
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
