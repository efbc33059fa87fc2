"""When an answer of each endpoint is complete, and how a finished one becomes a stream and a stream a finished one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_api import forms
from proxy_api.catalog.kinds import kind_of
from proxy_api.chat import Usage
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.framing import frames
from tests.bodies import completion_answer, completion_stream


def payloads(stream: bytes) -> list[bytes]:
    found = [frame.data for frame in frames(iter([stream])) if frame is not None and frame.data is not None]
    return [data for data in found if data != b"[DONE]"]


def test_a_streamed_completion_is_folded_into_the_plain_one() -> None:
    whole = forms.COMPLETIONS.fold(payloads(b"".join(completion_stream(" one two three"))))
    assert whole == json.loads(completion_answer(" one two three"))


@pytest.mark.parametrize("include_usage", [False, True])
def test_an_unfolded_completion_folds_into_itself(include_usage: bool) -> None:
    logprobs = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [0]}
    choices = [
        {"index": at, "text": text, "logprobs": logprobs, "finish_reason": "stop"} for at, text in enumerate("ab")
    ]
    whole = json.loads(completion_answer(choices=choices))
    again = forms.COMPLETIONS.fold(payloads(forms.COMPLETIONS.unfold(whole, include_usage)))
    assert again == (whole if include_usage else {key: value for key, value in whole.items() if key != "usage"})


def test_an_unfolded_response_ends_with_itself() -> None:
    said = {"type": "output_text", "text": "Hi", "annotations": []}
    item = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed", "content": [said]}
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    head = {"id": "resp_1", "object": "response", "created_at": 5, "model": "m"}
    whole = {**head, "status": "completed", "output": [item], "usage": usage}
    last = json.loads(payloads(forms.RESPONSES.unfold(whole, False))[-1])
    assert last["type"] == "response.completed"
    assert {name: last["response"][name] for name in (*head, "status", "output")} == {
        name: whole[name] for name in (*head, "status", "output")
    }
    assert (forms.RESPONSES.judge(whole), forms.RESPONSES.usage(whole)) == ({0: "stop"}, Usage(3, 2))
    with pytest.raises(UpstreamIncomplete):
        forms.RESPONSES.judge({**whole, "status": "in_progress"})


@pytest.mark.parametrize("form", [forms.EMBEDDINGS, forms.MODERATIONS])
@pytest.mark.parametrize("body", [{}, {"data": [], "results": []}, {"data": 1, "results": "x"}, [], None, "text"])
def test_an_answer_without_its_list_is_incomplete(form: forms.Form, body: Any) -> None:
    with pytest.raises(UpstreamIncomplete):
        form.judge(body)


def test_an_error_inside_an_answer_is_the_error() -> None:
    with pytest.raises(GatewayError) as caught:
        forms.EMBEDDINGS.judge({"error": {"message": "Slow down", "type": "rate_limit_error"}, "data": [1]})
    assert caught.value.status == 429


def test_what_has_no_stream_says_so() -> None:
    with pytest.raises(UpstreamError):
        forms.EMBEDDINGS.fold([])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gpt-4o", "chat"),
        ("openai/o3-mini", "chat"),
        ("ft:gpt-4o-mini:acme::x", "chat"),
        ("us.anthropic.claude-sonnet-4-5", "chat"),
        ("gpt-3.5-turbo-instruct", "completion"),
        ("openai/davinci-002", "completion"),
        ("text-embedding-3-small", "embedding"),
        ("google/gemini-embedding-001", "embedding"),
        ("together/BAAI/bge-large-en-v1.5", "embedding"),
        ("omni-moderation-latest", "moderation"),
        ("gpt-4o-mini-tts", "audio"),
        ("gpt-4o-transcribe", "audio"),
        ("gpt-image-1", "image"),
        ("groq/openai/gpt-oss-20b", None),
        ("meta-llama/Llama-3.1-8B", None),
    ],
)
def test_a_model_is_of_the_kind_that_its_name_says(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind
