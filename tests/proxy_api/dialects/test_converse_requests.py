"""Messages and media as Bedrock's Converse gets them.

Shapes after https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import bedrock_converse, openai_chat
from tests.proxy_api.dialects.converse import (
    CLAUDE,
    HELLO,
    LLAMA,
    MISTRAL,
    NOVA,
    PDF,
    PNG,
    TITAN,
    WEATHER,
    both,
    call,
    called,
    crossed,
    file,
    image,
    refused,
    said_by_user,
)


def test_m18_text_image_pdf_call_and_result_cross_to_bedrock() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *said_by_user({"type": "text", "text": "What is this?"}, image(f"data:image/png;base64,{PNG}"), file("a.pdf")),
        {"role": "assistant", "content": None, "tool_calls": [call('{"city":"Rome"}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    body, losses = both(messages=messages, tools=[WEATHER])
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": PNG}}},
                    {"document": {"format": "pdf", "name": "a", "source": {"bytes": "JVBERg=="}}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Rome"}}}],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "sunny"}]}}]},
        ],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]
        },
    }
    assert losses == {}


def test_the_path_holds_the_encoded_model_and_whether_it_streams() -> None:
    assert bedrock_converse.path(CLAUDE, False) == "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-pro-v1:0"
    encoded = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0"
    assert bedrock_converse.path(arn, True) == f"/model/{encoded}/converse-stream"


def test_m19_reasoning_goes_back_with_its_signature_and_cache_points_follow_marked_parts() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Rules", "cache_control": {"type": "ephemeral"}}]},
        *said_by_user({"type": "text", "text": "Hi", "cache_control": mark}, {"type": "text", "text": "there"}),
        {
            "role": "assistant",
            "content": "Hello",
            "reasoning": [{"id": "sig", "content": "hm"}, {"id": None, "redacted": "c2VhbGVk"}],
        },
        {"role": "user", "content": "More"},
    ]
    body = crossed(messages=messages, tools=[{**WEATHER, "cache_control": mark}])
    assert body["system"] == [{"text": "Rules"}, {"cachePoint": {"type": "default"}}]
    assert body["messages"][0]["content"] == [
        {"text": "Hi"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "there"},
    ]
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
        {"text": "Hello"},
    ]
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}


def test_cache_marks_that_a_model_does_not_know_are_reported() -> None:
    mark = {"type": "ephemeral"}
    body, losses = both(
        LLAMA,
        messages=said_by_user({"type": "text", "text": "Hi", "cache_control": mark}),
        tools=[{**WEATHER, "cache_control": mark}],
    )
    assert body["messages"][0]["content"] == [{"text": "Hi"}]
    assert losses.keys() == {"messages[0].content[0].cache_control", "tools[0].cache_control"}


def test_a_mark_within_a_result_follows_the_result() -> None:
    result = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    body = crossed(messages=called(call("{}"), call_1=result), tools=[WEATHER])
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "x"}]}},
        {"cachePoint": {"type": "default"}},
    ]


def test_reasoning_that_a_model_does_not_take_back_stays_behind_and_is_reported() -> None:
    messages = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}, *HELLO]
    for model in (CLAUDE, NOVA):
        body, losses = both(model, messages=messages)
        assert body["messages"][1]["content"] == [{"text": "Hi"}]
        assert losses.keys() == {"messages[1].reasoning"}
    thoughts = crossed("us.deepseek.r1-v1:0", messages=messages)["messages"][1]["content"]
    assert thoughts[0] == {"reasoningContent": {"reasoningText": {"text": "hm"}}}


def test_b9_every_system_and_developer_message_is_sent_and_equal_roles_are_merged() -> None:
    messages = [
        {"role": "system", "content": "One"},
        *HELLO,
        {"role": "developer", "content": "Two"},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "again"}]},
        {"role": "assistant", "content": ""},
    ]
    body = crossed(messages=messages)
    assert body["system"] == [{"text": "One"}, {"text": "Two"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "Hello"}, {"text": "again"}]}]


def test_a_model_without_system_prompts_hears_them_from_the_user() -> None:
    body, losses = both(TITAN, messages=[{"role": "system", "content": "Be brief."}, *HELLO])
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"text": "Be brief."}, {"text": "Hello"}]}]
    assert losses.keys() == {"messages[0]"}


def test_a_request_of_system_text_alone_is_said_by_the_user() -> None:
    body, losses = both(messages=[{"role": "system", "content": "Say hello."}])
    assert body == {"messages": [{"role": "user", "content": [{"text": "Say hello."}]}]}
    assert losses.keys() == {"messages"}
    assert refused(messages=[{"role": "user", "content": [{"type": "text", "text": ""}]}])[0] == "messages"


def test_documents_keep_their_names_in_letters_that_bedrock_takes_and_apart() -> None:
    names = ("report_1.final.pdf", "report-1-final.pdf", "a  b (2).pdf", None, None, "é.pdf")
    body = crossed(messages=said_by_user({"type": "text", "text": "Read"}, *map(file, names)))
    told = [block["document"]["name"] for block in body["messages"][0]["content"][1:]]
    assert told == ["report-1-final", "report-1-final (2)", "a b (2)", "document", "document (2)", "-"]


@pytest.mark.parametrize(
    ("name", "media_type", "form"),
    [
        ("a.csv", "text/csv", "csv"),
        ("a.json", "application/json", "txt"),
        ("a.html", "text/html", "html"),
        ("a.md", "text/markdown", "md"),
        ("a.docx", "application/octet-stream", "docx"),
        ("a.xls", "application/xls", "xls"),
        ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ],
)
def test_documents_of_every_kind_have_their_format(name: str, media_type: str, form: str) -> None:
    body = crossed(messages=said_by_user(file(name, f"data:{media_type};base64,YQ==")))
    assert body["messages"][0]["content"][0]["document"]["format"] == form


def test_a_pdf_among_the_images_is_a_document_and_an_object_in_s3_stays_there() -> None:
    body = crossed(messages=said_by_user(image(PDF), image("s3://bucket/a.png")))
    document, picture = body["messages"][0]["content"]
    assert document["document"]["format"] == "pdf"
    assert picture == {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}


def test_audio_is_a_block_of_its_own() -> None:
    audio = {"type": "input_audio", "input_audio": {"format": "wav", "data": "UklGRg=="}}
    content = crossed(NOVA, messages=said_by_user(audio))["messages"][0]["content"]
    assert content == [{"audio": {"format": "wav", "source": {"bytes": "UklGRg=="}}}]


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (image("data:image/bmp;base64,Qk0="), "unsupported_image_media_type"),
        (image("data:image/png;base64,###"), None),
        (image("data:image/png;base64," + "A" * (4 * 1024 * 1024 * 4 // 3 // 4 * 4)), "image_too_large"),
        (file("a.pdf", "data:application/pdf;base64," + "A" * (5 * 1024 * 1024 * 4 // 3 // 4 * 4)), "file_too_large"),
        (file("a.zip", "data:application/zip;base64,UEs="), None),
        ({"type": "file", "file": {"file_id": "file-1"}}, None),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, "unsupported_content"),
        ({"type": "input_audio", "input_audio": {"format": "midi", "data": "YQ=="}}, None),
    ],
)
def test_content_that_bedrock_cannot_take_is_refused_by_name(part: dict[str, Any], code: str | None) -> None:
    messages = [*HELLO, *said_by_user({"type": "text", "text": "See"}, part)]
    assert refused(messages=messages) == ("messages[1].content[1]", code)


def test_results_have_a_status_and_images_where_the_model_takes_them() -> None:
    picture = [image(f"data:image/png;base64,{PNG}")]
    messages = called(call("{}"), call_1=picture)
    messages[2]["is_error"] = True
    result = crossed(messages=messages)["messages"][2]["content"][0]["toolResult"]
    assert result["status"] == "error"
    assert result["content"] == [{"image": {"format": "png", "source": {"bytes": PNG}}}]
    assert refused(LLAMA, messages=messages)[0] == "messages[2].content[0]"
    messages[2]["content"] = [file("a.pdf")]
    body, losses = both(LLAMA, messages=messages)
    assert "document" in body["messages"][2]["content"][0]["toolResult"]["content"][0]
    assert "messages[2].is_error" in losses


def ids_of(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Those of the calls and of the results."""
    calls = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    return calls, [block["toolResult"]["toolUseId"] for block in body["messages"][2]["content"]]


@pytest.mark.parametrize(("model", "form"), [(CLAUDE, r"[a-zA-Z0-9_-]{1,64}"), (MISTRAL, r"[a-zA-Z0-9]{9}")])
def test_foreign_ids_of_calls_are_spelled_alike_in_results_and_stay_apart(model: str, form: str) -> None:
    given = ["a.b", "a:b", "x" * 80, "x" * 81, "toolu_123456789", "abc123XYZ"]
    body = crossed(model, messages=called(*(call("{}", name) for name in given), **dict.fromkeys(given, "r")))
    calls, results = ids_of(body)
    assert calls == results
    assert len(set(calls)) == len(given)
    assert all(re.fullmatch(form, told) for told in calls)
    assert calls[-1] == "abc123XYZ"


def test_a_legacy_call_and_its_answer_find_each_other() -> None:
    messages: list[dict[str, Any]] = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    calls, results = ids_of(crossed(messages=messages, functions=[{"name": "weather"}]))
    assert calls == results
    messages[2]["name"] = "news"
    assert refused(messages=messages)[0] == "messages[2].name"


@pytest.mark.parametrize("arguments", ["{", "[]", '"text"', "NaN", '{"a": NaN}'])
def test_arguments_that_are_no_json_object_are_refused_by_name(arguments: str) -> None:
    messages = called(call("{}"), call(arguments, "call_2"))
    assert refused(messages=messages)[0] == "messages[1].tool_calls[1].function.arguments"


def test_the_clients_betas_are_claudes_own_field_and_no_other_models() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/computer-use.html"""
    for model, betas in ((CLAUDE, ("context-1m-2025-08-07",)), (NOVA, ())):
        asked = openai_chat.read_request({"model": model, "messages": HELLO})
        body, _ = bedrock_converse.write_request(replace(asked, betas=("context-1m-2025-08-07",)), facts(model))
        assert (body.get("additionalModelRequestFields") or {}).get("anthropic_beta", []) == list(betas)
        assert bedrock_converse.read_request(body).betas == betas
