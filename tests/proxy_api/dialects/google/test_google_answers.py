"""Gemini's answers as OpenAI clients get them. https://ai.google.dev/api/generate-content#generatecontentresponse"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.dialects import google
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from tests.proxy_api.dialects.google.crossing import answer, message, seen


def test_all_texts_and_all_calls_arrive_with_geminis_id_or_a_stable_one() -> None:
    body = answer(
        {"text": "Let me "},
        {"text": "see."},
        {"functionCall": {"name": "f", "args": {"x": 1}, "id": "pt3pjoak"}},
        {"functionCall": {"name": "g"}},
    )
    said = seen(body)
    found = said["choices"][0]["message"]
    assert found["content"] == "Let me see."
    assert found["tool_calls"][0] == {
        "id": "pt3pjoak",
        "type": "function",
        "function": {"name": "f", "arguments": '{"x":1}'},
    }
    second = found["tool_calls"][1]
    assert second["function"] == {"name": "g", "arguments": "{}"}
    assert second["id"].startswith("call_")
    assert seen(body) == said
    assert (said["id"], said["model"], said["created"]) == ("r1", "gemini-x", 1700000000)
    assert said["choices"][0]["finish_reason"] == "tool_calls"


def test_made_ids_differ_between_answers_choices_and_places() -> None:
    call = {"functionCall": {"name": "f"}}
    bodies = [answer(call, call), {**answer(call), "responseId": "r2"}]
    ids = [call["id"] for body in bodies for call in seen(body)["choices"][0]["message"]["tool_calls"]]
    assert len(set(ids)) == 3


def test_b17_completion_tokens_hold_the_thoughts_and_the_sum_is_the_total() -> None:
    body = answer({"text": "x"})
    body["usageMetadata"] |= {"toolUsePromptTokenCount": 5, "cachedContentTokenCount": 6, "totalTokenCount": 22}
    usage = seen(body)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (15, 7, 22)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 6
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 4}


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("OTHER", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("A_REASON_OF_TOMORROW", "stop"),
    ],
)
def test_every_finish_reason_has_openais_word(native: str, reason: str) -> None:
    choice = seen(answer({"text": "x"}, reason=native))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_reasons_in_numbers_are_understood() -> None:
    found = [seen(answer({"text": "x"}, reason=number))["choices"][0]["native_finish_reason"] for number in (1, 2, 99)]
    assert found == ["STOP", "MAX_TOKENS", "99"]


def test_calls_that_were_cut_off_are_no_tool_calls() -> None:
    choice = seen(answer({"functionCall": {"name": "f"}}, reason="MAX_TOKENS"))["choices"][0]
    assert choice["finish_reason"] == "length"


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_a_model_that_did_wrong_and_said_nothing_is_a_502(native: str) -> None:
    with pytest.raises(UpstreamError, match=f"{native}.*print") as caught:
        seen(answer(reason=native, finishMessage="Malformed: print(1)"))
    assert (caught.value.status, caught.value.retryable) == (502, True)


@pytest.mark.parametrize("feedback", [{"blockReason": "SAFETY"}, {"block_reason": "MODEL_ARMOR"}])
def test_b18_a_blocked_prompt_is_one_choice_with_content_filter(feedback: dict[str, Any]) -> None:
    said = seen({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4}, "modelVersion": "m"})
    assert [choice["finish_reason"] for choice in said["choices"]] == ["content_filter"]
    assert said["choices"][0]["message"]["content"] == ""
    assert said["choices"][0]["native_finish_reason"] in feedback.values()
    assert said["usage"]["prompt_tokens"] == 4


def test_why_a_prompt_was_blocked_is_its_refusal() -> None:
    said = seen({"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "No."}})
    assert said["choices"][0]["message"]["refusal"] == "No."


def test_thoughts_are_reasoning_and_signatures_stay_on_their_parts() -> None:
    found = message(
        {"text": "hm", "thought": True},
        {"text": "so", "thought": True},
        {"text": "Hi", "thoughtSignature": "s1"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "s2"},
    )
    assert found["reasoning"] == [{"id": None, "content": "hmso"}]
    assert found["extra_content"] == {"google": {"thought_signature": "s1"}}
    assert found["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s2"}}


def test_a_signed_thought_is_a_block_of_its_own() -> None:
    found = message({"text": "a", "thought": True, "thoughtSignature": "s"}, {"text": "b", "thought": True})
    assert found["reasoning"] == [{"id": "s", "content": "a"}, {"id": None, "content": "b"}]


def test_every_candidate_is_a_choice() -> None:
    body = answer({"text": "a"})
    body["candidates"].append({"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"})
    choices = seen(body)["choices"]
    assert [(choice["index"], choice["message"]["content"]) for choice in choices] == [(0, "a"), (1, "b")]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "length"]


def test_images_and_sound_that_the_model_made_arrive() -> None:
    found = message(
        {"text": "Here"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAAA"}},
    )
    assert found["content"] == "Here"
    assert found["images"][0]["image_url"] == {"url": "data:image/png;base64,iVBORw0KGgo="}
    assert found["audio"]["data"] == "AAAA"


def test_log_probabilities_are_openais() -> None:
    token = {"token": "Hi", "tokenId": 1, "logProbability": -0.5}
    other = {"token": "Ho", "tokenId": 2, "logProbability": -1.5}
    result = {"chosenCandidates": [token], "topCandidates": [{"candidates": [token, other]}]}
    found = seen(answer({"text": "Hi"}, logprobsResult=result))["choices"][0]["logprobs"]
    assert found == {
        "content": [
            {
                "token": "Hi",
                "logprob": -0.5,
                "bytes": [72, 105],
                "top_logprobs": [
                    {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]},
                    {"token": "Ho", "logprob": -1.5, "bytes": [72, 111]},
                ],
            }
        ]
    }


def test_citations_and_grounding_are_kept_beside_the_text() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0, 7]}],
        "webSearchQueries": ["q"],
    }
    recited = {"citationSources": [{"startIndex": 3, "endIndex": 5, "uri": "https://b.example"}, {}]}
    said = seen(answer({"text": "é! ok"}, groundingMetadata=grounding, citationMetadata=recited))
    assert [note["url_citation"] for note in said["choices"][0]["message"]["annotations"]] == [
        {"start_index": 0, "end_index": 2, "title": "A", "url": "https://a.example"},
        {"start_index": 2, "end_index": 4, "title": "", "url": "https://b.example"},
    ]
    assert said["google"]["candidates"][0]["groundingMetadata"]["webSearchQueries"] == ["q"]


def test_parts_of_googles_own_tools_and_of_tomorrow_are_no_part_of_the_answer() -> None:
    found = message(
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "s"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
        {"toolCall": {"id": "t"}},
        {"toolResponse": {"id": "t"}},
        {"partOfTomorrow": {}},
        {},
        {"text": "Done."},
        safetyRatings=[{"category": "X"}],
        fieldOfTomorrow=1,
    )
    assert found == {"role": "assistant", "content": "Done.", "refusal": None}


def test_answers_in_snake_case_are_read() -> None:
    part = {"function_call": {"name": "f", "args": {"a": 1}}, "thought_signature": "s"}
    body = {
        "candidates": [{"content": {"parts": [part]}, "finish_reason": "STOP"}],
        "usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 2},
        "model_version": "m",
        "response_id": "r",
    }
    said = seen(body)
    assert (said["id"], said["model"], said["usage"]["total_tokens"]) == ("r", "m", 5)
    call = said["choices"][0]["message"]["tool_calls"][0]
    assert (call["function"]["arguments"], call["extra_content"]["google"]["thought_signature"]) == ('{"a":1}', "s")


def test_a_function_called_under_our_spelling_has_the_clients_name() -> None:
    tools = [{"type": "function", "function": {"name": "1st"}}]
    said = seen(answer({"functionCall": {"name": "_1st"}}), tools=tools)
    assert said["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "1st"


def test_legacy_functions_are_answered_as_such() -> None:
    said = seen(answer({"functionCall": {"name": "f", "args": {}}}), functions=[{"name": "f"}])
    choice = said["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["finish_reason"] == "function_call"


@pytest.mark.parametrize("body", [{}, {"candidates": []}, answer({"text": "x"}, reason=None)])
def test_an_answer_without_an_end_is_incomplete(body: Any) -> None:
    with pytest.raises(UpstreamIncomplete):
        google.read_response(body, 1)


@pytest.mark.parametrize(
    "body", [[], "x", None, [1], {"candidates": 3}, answer({"functionCall": {"name": "f", "args": 3}})]
)
def test_an_answer_that_is_none_is_an_error(body: Any) -> None:
    with pytest.raises(GatewayError):
        seen(body)


def test_an_error_object_in_a_200_is_mapped() -> None:
    error = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
    with pytest.raises(GatewayError, match="overloaded") as caught:
        google.read_response([{"error": error}], 1)
    assert caught.value.status == 503
