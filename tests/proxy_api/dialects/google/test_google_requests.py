"""OpenAI requests as Gemini gets them. Shapes after https://ai.google.dev/api/generate-content#request-body"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.dialects import google
from proxy_api.dialects.google.messages_out import NO_SIGNATURE
from tests.proxy_api.dialects.google.crossing import (
    FLASH,
    HELLO,
    NEW,
    PNG,
    WEATHER,
    both,
    call,
    config,
    crossed,
    refused,
)

PDF = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}


def said(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def parts_of(model: str = NEW, **fields: Any) -> Any:
    return crossed(model, **fields)["contents"][0]["parts"]


def test_the_model_and_the_method_stand_in_the_path() -> None:
    assert google.path("gemini-2.5-flash", False) == "/models/gemini-2.5-flash:generateContent"
    assert google.path("models/gemini-2.5-flash", True) == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert google.path("a/b?c", False) == "/models/a%2Fb%3Fc:generateContent"


TALK = [
    {"role": "system", "content": "Be brief."},
    *said(
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "text", "text": "What is this?"},
        {"type": "file", "file": PDF},
    ),
    {"role": "assistant", "content": None, "tool_calls": [call('{"city":"Rome"}')]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]


def test_m18_text_image_pdf_call_and_result_cross_to_gemini() -> None:
    assert crossed(FLASH, messages=TALK, tools=[WEATHER]) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                    {"text": "What is this?"},
                    {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
                ],
            },
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "call_1"}}],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "weather", "response": {"output": "sunny"}, "id": "call_1"}}],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "parametersJsonSchema": {"type": "object", "properties": {}}}
                ]
            }
        ],
    }


def test_all_system_and_developer_messages_are_the_instruction_in_order() -> None:
    messages = [
        {"role": "system", "content": "One"},
        *HELLO,
        {"role": "developer", "content": [{"type": "text", "text": "Two"}]},
        {"role": "system", "content": "Three"},
    ]
    body = crossed(messages=messages)
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == ["One", "Two", "Three"]
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]


def test_system_messages_alone_are_answered_too() -> None:
    body = crossed(messages=[{"role": "system", "content": "Say hello"}])
    assert body["contents"] == [{"role": "user", "parts": [{"text": ""}]}]


def test_b14_calls_and_results_carry_the_functions_real_name_and_results_share_a_content() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}", "call_1", "first"), call("", "call_2", "second")]},
        {"role": "tool", "tool_call_id": "call_2", "content": '{"b": 2}'},
        {"role": "tool", "tool_call_id": "call_1", "content": '["a"]'},
    ]
    model, results = crossed(messages=messages)["contents"][1:]
    assert [part["functionCall"]["name"] for part in model["parts"]] == ["first", "second"]
    assert [part["functionCall"]["args"] for part in model["parts"]] == [{}, {}]
    assert [part["functionResponse"]["name"] for part in results["parts"]] == ["second", "first"]
    assert [part["functionResponse"]["response"] for part in results["parts"]] == [{"b": 2}, {"output": '["a"]'}]


def test_ids_that_other_makers_gave_stay_at_home() -> None:
    for given, kept in (("pt3pjoak", True), ("call_883098", True), ("call_" + "a" * 24, False), ("toolu_01A", False)):
        messages = [*HELLO, {"role": "assistant", "tool_calls": [call("{}", given)]}]
        part = crossed(messages=messages)["contents"][1]["parts"][0]
        assert part["functionCall"].get("id") == (given if kept else None)


def test_a_failed_result_is_an_error_and_legacy_functions_are_found_by_name() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "no", "is_error": True},
    ]
    results = crossed(messages=messages)["contents"][2]["parts"]
    assert results == [{"functionResponse": {"name": "weather", "response": {"error": "no"}}}]


def test_a_result_that_answers_no_call_is_refused_by_name() -> None:
    messages = [*HELLO, {"role": "tool", "tool_call_id": "call_9", "content": "x"}]
    assert refused(messages=messages) == "messages[1].tool_call_id"


def test_media_in_a_result_is_part_of_it_from_gemini_3_on_and_stands_beside_it_before() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": [image]},
    ]
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    new = crossed(NEW, messages=messages)["contents"]
    assert new[2]["parts"][0]["functionResponse"]["parts"] == [blob]
    old = crossed(FLASH, messages=messages)["contents"]
    assert old[2]["parts"][0]["functionResponse"].keys() == {"name", "response", "id"}
    assert old[3] == {"role": "user", "parts": [{"text": "The result of weather:"}, blob]}


def test_b15_a_calls_signature_goes_back_on_its_part() -> None:
    signed = call("{}", "call_1", extra_content={"google": {"thought_signature": "sig"}})
    messages = [*HELLO, {"role": "assistant", "tool_calls": [signed, call("{}", "call_2")]}]
    first, second = crossed(messages=messages)["contents"][1]["parts"]
    assert (first["thoughtSignature"], "thoughtSignature" in second) == ("sig", False)


def test_b15_calls_without_a_signature_are_sent_with_the_documented_stand_in() -> None:
    messages = [*HELLO, {"role": "assistant", "tool_calls": [call("{}"), call("{}", "call_2")]}]
    first, second = crossed(NEW, messages=messages)["contents"][1]["parts"]
    assert (first["thoughtSignature"], "thoughtSignature" in second) == (NO_SIGNATURE, False)
    assert all("thoughtSignature" not in part for part in crossed(FLASH, messages=messages)["contents"][1]["parts"])


def test_texts_and_thoughts_go_back_with_their_signatures() -> None:
    turn = {
        "role": "assistant",
        "content": "Hi",
        "reasoning": [{"id": None, "content": "hm"}, {"id": "s1", "content": "so"}, {"id": None, "redacted": "x"}],
        "extra_content": {"google": {"thought_signature": "s2"}},
    }
    body, losses = both(messages=[*HELLO, turn])
    assert body["contents"][1]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "so", "thought": True, "thoughtSignature": "s1"},
        {"text": "Hi", "thoughtSignature": "s2"},
    ]
    assert losses == {"messages[1].reasoning": "sealed by another model"}


@pytest.mark.parametrize("arguments", ["{", "[]", "NaN"])
def test_arguments_that_are_no_json_object_are_refused_by_name(arguments: str) -> None:
    messages = [*HELLO, {"role": "assistant", "tool_calls": [call(arguments)]}]
    assert refused(messages=messages) == "messages[1].tool_calls[0].function.arguments"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.webp?x=1"}},
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/a.webp?x=1"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a"}},
        ),
        (
            {"type": "file", "file": {"file_id": "files/abc"}},
            {
                "fileData": {
                    "mimeType": "application/pdf",
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                }
            },
        ),
        (
            {"type": "file", "file": {"file_id": "gs://bucket/a.mp4"}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/a.mp4"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/json;base64,e30="}},
            {"inlineData": {"mimeType": "text/plain", "data": "e30="}},
        ),
        (
            {"type": "file", "file": {"file_data": "JVBE_w==", "filename": "a.csv"}},
            {"inlineData": {"mimeType": "text/csv", "data": "JVBE_w=="}},
        ),
        (
            {"type": "input_audio", "input_audio": {"format": "mp3", "data": "AAAA"}},
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
        ),
    ],
)
def test_media_become_inline_or_file_data(part: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parts_of(messages=said(part)) == [expected]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}},
        {"type": "image_url", "image_url": {"url": "ftp://example.com/a.png"}},
        {"type": "file", "file": {"file_id": "file-abc"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ],
)
def test_content_that_cannot_be_said_is_refused_by_its_place(part: dict[str, Any]) -> None:
    assert refused(messages=said({"type": "text", "text": "Hi"}, part)) == "messages[0].content[1]"


def test_names_that_gemini_refuses_are_spelled_anew_everywhere() -> None:
    tool = {"type": "function", "function": {"name": "1st"}}
    dotted = {"type": "function", "function": {"name": "a-b"}}
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("{}", name="1st")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "{}"},
    ]
    body = crossed(
        messages=messages, tools=[tool, dotted], tool_choice={"type": "function", "function": {"name": "1st"}}
    )
    assert body["tools"][0]["functionDeclarations"] == [{"name": "_1st"}, {"name": "a-b"}]
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["_1st"]}
    assert body["contents"][1]["parts"][0]["functionCall"]["name"] == "_1st"
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == "_1st"


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "weather"}}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (allowed("required", "weather"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (allowed("auto", "weather"), {"mode": "AUTO"}),
    ],
)
def test_every_tool_choice_has_a_form(choice: Any, expected: dict[str, Any]) -> None:
    other = {"type": "function", "function": {"name": "other"}}
    body = crossed(tools=[WEATHER, other], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": expected}
    declared = [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
    assert declared == (["weather"] if choice == allowed("auto", "weather") else ["weather", "other"])


def test_a_choice_among_tools_that_are_not_there_is_refused() -> None:
    assert refused(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}}) == "tool_choice"
    assert refused(tool_choice="required") == "tool_choice"
    assert "toolConfig" not in crossed(tool_choice="auto")


SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def test_an_answer_in_json_is_asked_for_by_its_plain_json_schema() -> None:
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format=FORM) == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}


def test_b13_a_schema_together_with_tools_works_on_gemini() -> None:
    body, losses = both(NEW, response_format=FORM, tools=[WEATHER])
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert losses == {}
    body, losses = both(FLASH, response_format=FORM, tools=[WEATHER])
    assert "generationConfig" not in body
    assert '"$ref"' in body["systemInstruction"]["parts"][0]["text"]
    assert losses == {"response_format": "asked for in the system text"}


def test_sampling_and_limits_have_geminis_names() -> None:
    assert config(
        temperature=1.5,
        top_p=0.9,
        top_k=5,
        n=2,
        stop="END",
        seed=7,
        max_tokens=10,
        max_completion_tokens=20,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
        modalities=["text", "image"],
    ) == {
        "temperature": 1.5,
        "topP": 0.9,
        "topK": 5,
        "candidateCount": 2,
        "stopSequences": ["END"],
        "seed": 7,
        "maxOutputTokens": 20,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseModalities": ["TEXT", "IMAGE"],
    }


def test_gemini_gets_no_field_that_it_does_not_know_and_each_is_reported() -> None:
    unknown: dict[str, Any] = {
        "parallel_tool_calls": False,
        "logit_bias": {"1": 1},
        "user": "u",
        "safety_identifier": "s",
        "metadata": {"a": "b"},
        "store": True,
        "service_tier": "flex",
        "verbosity": "low",
        "prediction": {"type": "content", "content": "x"},
        "prompt_cache_key": "k",
        "web_search_options": {},
        "audio": {"voice": "alloy", "format": "wav"},
        "x_new": 1,
    }
    body, losses = both(tools=[WEATHER], **unknown)
    assert body.keys() == {"contents", "tools"}
    assert losses.keys() == unknown.keys()


def test_marks_names_details_and_strictness_are_reported() -> None:
    mark = {"type": "ephemeral"}
    messages = [
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "Hi", "cache_control": mark},
                {"type": "text", "text": "you", "cache_control": mark},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "file", "file": PDF},
            ],
        }
    ]
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    assert both(messages=messages, tools=[tool])[1].keys() == {
        "messages[0].name",
        "messages[0].content[0].cache_control",
        "messages[0].content[2].image_url.detail",
        "messages[0].content[3].file.filename",
        "tools[0].function.strict",
    }
