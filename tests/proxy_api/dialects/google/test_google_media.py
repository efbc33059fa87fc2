"""Inline data goes to Google as it came (both alphabets of base64 are read there), and comes back with its proof."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import facts
from proxy_api.chat import ChatRequest, File, Image, Message, Text, ToolCall, ToolResult
from proxy_api.dialects import DIALECTS, google
from proxy_api.errors import BadRequest
from proxy_api.media import with_media
from tests.proxy_api.dialects.google.crossing import HELLO, PNG, crossed, deltas, event, message, streamed


def asked(data: str, any_base64: bool) -> ChatRequest:
    request = ChatRequest("m", (Message("user", (File("application/pdf", data),)),))
    going = with_media(request, wants_bytes=False, kept={}, watch=None, any_base64=any_base64)
    try:
        while True:
            next(going)
    except StopIteration as done:
        found: ChatRequest = done.value
        return found


def test_the_url_safe_alphabet_stays_where_it_is_read() -> None:
    assert asked("JVBE_-==", google.any_base64).messages[0].parts == (File("application/pdf", "JVBE_-=="),)
    assert asked("JVBE_-==", False).messages[0].parts == (File("application/pdf", "JVBE/+=="),)


def test_data_that_is_no_base64_is_refused_all_the_same() -> None:
    with pytest.raises(BadRequest):
        asked("%%%", google.any_base64)


def test_googles_dialect_alone_reads_both_alphabets() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.any_base64] == ["google"]


@pytest.mark.parametrize("as_stream", [False, True])
def test_the_signature_of_an_image_that_the_model_made_goes_out_and_back(as_stream: bool) -> None:
    """Gemini refuses to edit an image whose signature is missing: https://ai.google.dev/gemini-api/docs/gemini-3"""
    parts: list[dict[str, Any]] = [
        {"text": "Here", "thoughtSignature": "s1"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}, "thoughtSignature": "s2"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ]
    if as_stream:
        images = deltas(streamed(event(parts[0]), event(parts[1]), event(parts[2], reason="STOP")), "images")
        said = {"content": "Here", "images": [image for found in images for image in found]}
    else:
        said = message(*parts)
    assert [image.get("extra_content") for image in said["images"]] == [{"google": {"thought_signature": "s2"}}, None]
    model = crossed(messages=[*HELLO, {**said, "role": "assistant"}])["contents"][1]
    assert model["parts"][1:] == parts[1:]
    assert google.read_request({"contents": [model]}).messages[0].parts[1] == Image("image/png", PNG, signature="s2")


@pytest.mark.parametrize("text", ["", "{}", "Look"])
def test_media_of_a_result_stand_beside_its_own_text_alone(text: str) -> None:
    parts = (*([Text(text)] if text else []), Image("image/png", PNG))
    talk = (
        Message("user", (Text("Hi"),)),
        Message("assistant", (ToolCall("a", "weather", "{}", "sig"),)),
        Message("tool", (ToolResult("a", parts),)),
    )
    body, losses = google.write_request(ChatRequest("gemini-3-pro", talk), facts("gemini-3-pro"))
    assert (google.read_request(body).messages, losses) == (talk, ())
