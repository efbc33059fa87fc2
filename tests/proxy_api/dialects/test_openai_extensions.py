"""What the neutral chat carries beyond OpenAI's own words, in the fields where its family keeps it."""

from __future__ import annotations

import orjson

from proxy_api.chat import Audio, ChatRequest, ChatResponse, Choice, Image, Message, Text
from proxy_api.dialects import openai_chat
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.wire import chunks, frames, joined, payloads

PICTURE = Image("image/png", "iVBORw0KGgo=")
OTHER = Image("image/png", "R0lGODlhAQABAAAAACw=")


def answered(*parts: Text | Image | Audio) -> ChatResponse:
    return ChatResponse("r", "m", 1, (Choice(0, parts, "stop", "STOP"),))


def streamed(response: ChatResponse) -> bytes:
    return joined(openai_chat.write_stream(replay(response), include_usage=False))


def test_a_texts_signature_travels_as_googles_openai_layer_has_it() -> None:
    response = answered(Text("Hi", signature="sig"))
    said = openai_chat.write_response(response)
    extra = {"google": {"thought_signature": "sig"}}
    assert said["choices"][0]["message"] == {
        "refusal": None,
        "role": "assistant",
        "content": "Hi",
        "extra_content": extra,
    }
    assert openai_chat.read_response(said, 1) == response
    assert chunks(streamed(response))[1]["choices"][0]["delta"] == {"content": "Hi", "extra_content": extra}
    assert collect(openai_chat.read_stream(frames(streamed(response)), 1)) == response


def test_a_message_that_comes_back_brings_its_signature() -> None:
    extra = {"google": {"thought_signature": "sig"}}
    for content, text in (("Hi", "Hi"), (None, "")):
        body = {"model": "m", "messages": [{"role": "assistant", "content": content, "extra_content": extra}]}
        request = openai_chat.read_request(body)
        assert request == ChatRequest("m", (Message("assistant", (Text(text, signature="sig"),)),))


def test_images_that_the_model_made_stand_beside_the_content() -> None:
    response = answered(Text("Here"), PICTURE, OTHER)
    said = openai_chat.write_response(response)
    message = said["choices"][0]["message"]
    assert message["content"] == "Here"
    assert [image["image_url"]["url"] for image in message["images"]] == [
        "data:image/png;base64,iVBORw0KGgo=",
        "data:image/png;base64,R0lGODlhAQABAAAAACw=",
    ]
    assert openai_chat.read_response(said, 1) == response
    assert collect(openai_chat.read_stream(frames(streamed(response)), 1)) == response
    folded = openai_chat.fold(payloads(streamed(response)))
    assert folded["choices"][0]["message"]["images"] == message["images"]


def test_images_of_an_earlier_answer_are_read_with_its_text() -> None:
    message = openai_chat.write_response(answered(Text("Here"), PICTURE))["choices"][0]["message"]
    request = openai_chat.read_request({"model": "m", "messages": [orjson.loads(orjson.dumps(message))]})
    assert request.messages[0].parts == (Text("Here"), PICTURE)


def test_audio_that_the_model_made_is_the_messages_audio() -> None:
    response = answered(Audio("pcm16", "AAAA"))
    said = openai_chat.write_response(response)
    assert said["choices"][0]["message"]["audio"]["data"] == "AAAA"
    assert openai_chat.read_response(said, 1) == response
    assert collect(openai_chat.read_stream(frames(streamed(response)), 1)) == response
