"""What users have: three major versions of the openai SDK, each against the running server over a loopback upstream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bodies import (
    HELLO,
    OPENAI_ID,
    anthropic_answer,
    anthropic_event,
    anthropic_stream,
    completion_answer,
    completion_stream,
    embeddings_answer,
    moderation_answer,
    openai_answer,
    openai_chunk,
    openai_error,
    openai_stream,
    openai_usage,
)
from tests.live import ROOT, Live
from tests.loopback import answer, close, stream
from tests.proxy_api.asking import CLAUDE, MODEL, TOOL, anthropic, hello, text_of

# The version, and the interpreter of the environment that has it (`make sdk` builds those of the older ones).
SDKS = {
    "1.109.1": ROOT / ".sdk/openai-1/bin/python",
    "2.54.0": ROOT / ".sdk/openai-2/bin/python",
    "3.54.0": Path(sys.executable),
}


@dataclass
class Sdk:
    """One version of the SDK in a process of its own, pointed at a server."""

    version: str
    process: subprocess.Popen[bytes]
    live: Live | None = None

    def __call__(self, step: str, /, client: dict[str, Any] | None = None, **fields: Any) -> Any:
        """What the SDK gives for a step of tests/sdk/exercise.py; {"error"} where it raises."""
        assert self.live is not None
        options = {"base_url": f"{self.live.url}/v1", "api_key": self.live.token, **(client or {})}
        reply = self.ask({"do": step, "fields": fields, "options": options})
        return reply.get("result", reply)

    def ask(self, line: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module", params=SDKS)
def running_sdk(request: pytest.FixtureRequest) -> Iterator[Sdk]:
    python = SDKS[request.param]
    if not python.exists():
        pytest.skip(f"openai {request.param} is not installed: run `make sdk`")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [str(python), str(ROOT / "tests/sdk/exercise.py")]
    with subprocess.Popen(command, env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())["version"]
        assert found == request.param
        yield Sdk(found, process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def sdk(running_sdk: Sdk, live: Live) -> Sdk:
    running_sdk.live = live
    return running_sdk


def both(live: Live) -> None:
    """Either provider says hello, plain."""
    anthropic(live, answer(anthropic_answer()))


@pytest.mark.parametrize("suffix", ["/v1", "", "/", "/v1/", "/v1/proxy", "/v1/v1"])
def test_chat_works_with_every_base_url_that_people_write(sdk: Sdk, live: Live, suffix: str) -> None:
    found = sdk("chat", {"base_url": live.url + suffix}, **hello())
    choice = found["completion"]["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (HELLO, "stop")
    assert found["completion"]["usage"]["total_tokens"] == 29
    assert uuid.UUID(found["request_id"]).version == 7


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_a_stream_gives_text_and_usage_only_where_it_is_asked_for(sdk: Sdk, live: Live, model: str) -> None:
    live.upstream.script(stream(openai_stream()))
    anthropic(live, stream(anthropic_stream()))
    plain = sdk("stream", **hello(model=model))
    asked = sdk("stream", **hello(model=model, stream_options={"include_usage": True}))
    assert (plain["error"], asked["error"]) == (None, None)
    assert text_of(plain["chunks"]) == text_of(asked["chunks"]) == HELLO
    assert all(chunk["choices"] for chunk in plain["chunks"])
    assert asked["chunks"][-1]["choices"] == []
    assert asked["chunks"][-1]["usage"]["total_tokens"] == (29 if model == MODEL else 40)


CALLS = [
    {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
    {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]
BLOCKS = [
    {"type": "text", "text": "I look it up."},
    {"type": "tool_use", "id": "call_a", "name": "weather", "input": {"city": "Rome"}},
    {"type": "tool_use", "id": "call_b", "name": "weather", "input": {"city": "Oslo"}},
]


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_parallel_tool_calls_go_there_and_back(sdk: Sdk, live: Live, model: str) -> None:
    message = {"role": "assistant", "content": "I look it up.", "tool_calls": CALLS}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    live.upstream.script(answer(openai_answer(choices=[choice])))
    anthropic(live, answer(anthropic_answer(stop="tool_use", content=BLOCKS)))
    body = hello(model=model, tools=[TOOL])
    first = sdk("chat", **body)["completion"]["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    assert [(call["id"], call["function"]) for call in first["message"]["tool_calls"]] == [
        (call["id"], call["function"]) for call in CALLS
    ]
    live.upstream.script(answer(openai_answer()))
    both(live)
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "Sunny"} for call in CALLS]
    second = sdk("chat", **{**body, "messages": [*body["messages"], first["message"], *results]})
    assert second["completion"]["choices"][0]["message"]["content"] == HELLO
    sent = live.upstream.calls[-1].json()["messages"]
    if model == MODEL:
        assert [call["id"] for call in sent[1]["tool_calls"]] == ["call_a", "call_b"]
        assert sent[2:] == results
    else:
        assert [block["type"] for block in sent[1]["content"]] == ["text", "tool_use", "tool_use"]
        assert sent[1]["content"] == BLOCKS
        assert [block["tool_use_id"] for block in sent[2]["content"]] == ["call_a", "call_b"]


def streamed_blocks() -> list[bytes]:
    frames = [anthropic_stream()[0]]
    for index, block in enumerate(BLOCKS[1:]):
        city = json.dumps(block["input"])
        frames.append(anthropic_event("content_block_start", index=index, content_block={**block, "input": {}}))
        for piece in (city[:5], city[5:]):
            delta = {"type": "input_json_delta", "partial_json": piece}
            frames.append(anthropic_event("content_block_delta", index=index, delta=delta))
        frames.append(anthropic_event("content_block_stop", index=index))
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    return [*frames, anthropic_event("message_delta", delta=end, usage={"output_tokens": 9}), anthropic_stream()[-1]]


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_streamed_tool_calls_can_be_put_together_by_index(sdk: Sdk, live: Live, model: str) -> None:
    starts = [{**call, "index": at, "function": {"name": "weather", "arguments": ""}} for at, call in enumerate(CALLS)]
    pieces = [{"index": at, "function": {"arguments": call["function"]["arguments"]}} for at, call in enumerate(CALLS)]
    frames = [openai_chunk({"tool_calls": [part]}) for pair in zip(starts, pieces, strict=True) for part in pair]
    live.upstream.script(stream([*frames, openai_chunk({}, "tool_calls"), b"data: [DONE]\n\n"]))
    anthropic(live, stream(streamed_blocks()))
    found = sdk("stream", **hello(model=model, tools=[TOOL]))
    calls: dict[int, list[str]] = {}
    for chunk in found["chunks"]:
        for part in chunk["choices"][0]["delta"].get("tool_calls") or []:
            held = calls.setdefault(part["index"], [part.get("id") or "", ""])
            held[1] += part["function"].get("arguments") or ""
    assert {at: (held[0], json.loads(held[1])) for at, held in calls.items()} == {
        0: ("call_a", {"city": "Rome"}),
        1: ("call_b", {"city": "Oslo"}),
    }
    assert found["chunks"][-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_a_schema_is_answered_by_an_object_of_its_class(sdk: Sdk, live: Live, model: str) -> None:
    said = '{"name":"Oslo","people":717710}'
    live.upstream.script(answer(openai_answer(said)))
    anthropic(live, answer(anthropic_answer(said)))
    found = sdk("parse", **hello(model=model))
    assert found == {"type": "City", "value": {"name": "Oslo", "people": 717710}}
    sent = live.upstream.calls[-1].json()
    form = sent["response_format"]["json_schema"] if model == MODEL else sent["output_config"]["format"]
    assert list(form["schema"]["properties"]) == ["name", "people"]
    assert form["schema"]["additionalProperties"] is False


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_images_arrive_as_the_provider_wants_them(sdk: Sdk, live: Live, model: str) -> None:
    both(live)
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg"}},
    ]
    assert "completion" in sdk("chat", **hello(model=model, messages=[{"role": "user", "content": content}]))
    sent = live.upstream.calls[-1].json()["messages"][0]["content"]
    if model == MODEL:
        assert sent == content
    else:
        data = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        assert [block["type"] for block in sent] == ["text", "image", "image"]
        assert sent[1]["source"] == data
        assert sent[2]["source"] == {"type": "url", "url": "https://example.com/cat.jpg"}


def failing(sdk: Sdk, client: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """What is raised for a plain call; a streamed one raises the same."""
    body = hello(**fields)
    plain = sdk("chat", client, **body)["error"]
    streamed = sdk("stream", client, **body)["error"]
    assert uuid.UUID(plain["request_id"]).version == 7
    assert {**plain, "request_id": None} == {**streamed, "request_id": None}
    found: dict[str, Any] = plain
    return found


def told(error: dict[str, Any]) -> tuple[str, int, str]:
    return error["class"], error["status_code"], error["code"]


def test_refusals_of_ours_raise_their_class(sdk: Sdk, live: Live) -> None:
    error = failing(sdk, messages=[{"role": "nobody", "content": "Hi"}])
    assert told(error)[:2] == ("BadRequestError", 400)
    assert error["param"] == "messages[0].role"
    error = failing(sdk, {"api_key": "sk-nobody"})
    assert told(error) == ("AuthenticationError", 401, "invalid_api_key")
    assert "Incorrect API key provided." in error["message"]
    error = failing(sdk, model="nobody-knows-this")
    assert told(error) == ("NotFoundError", 404, "model_not_found")
    error = failing(sdk, {"api_key": live.key("limited", "--models", "gpt-4o")})
    assert told(error) == ("PermissionDeniedError", 403, "model_not_allowed")
    assert "No API keys found (for openai/gpt-4o-mini)." in error["message"]
    assert live.upstream.count == 0


def test_failures_of_the_provider_raise_their_class(sdk: Sdk, live: Live) -> None:
    live.upstream.script(answer(openai_error("Slow down", "tokens", "rate_limit_exceeded"), 429))
    error = failing(sdk)
    assert told(error) == ("RateLimitError", 429, "rate_limit_exceeded")
    assert "Slow down" in error["message"]
    live.upstream.script(answer(b"<html>Bad gateway</html>", 502, content_type="text/html"))
    assert told(failing(sdk)) == ("InternalServerError", 502, "upstream_unavailable")
    live.upstream.script(answer(openai_error("Too long", "invalid_request_error", "context_length_exceeded"), 400))
    assert told(failing(sdk)) == ("BadRequestError", 400, "context_length_exceeded")


def test_a_stream_that_breaks_off_raises(sdk: Sdk, live: Live) -> None:
    live.upstream.script(stream(openai_stream()[:4], end=close))
    found = sdk("stream", **hello())
    assert text_of(found["chunks"]) == "Hello! How can"
    assert (found["error"]["class"], found["error"]["code"]) == ("APIError", "upstream_incomplete")


def test_models_are_listed_and_found_by_a_name_with_a_slash(sdk: Sdk) -> None:
    listed = sdk("models")
    ids = [model["id"] for model in listed]
    assert {"gpt-4o-mini", "openai/gpt-4o-mini", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert all(model["object"] == "model" and model["owned_by"] for model in listed)
    for name in ("gpt-4o-mini", "openai/gpt-4o-mini"):
        assert sdk("model", name=name)["id"] == name
    missing = sdk("model", name="openai/nobody-knows-this")["error"]
    assert told(missing) == ("NotFoundError", 404, "model_not_found")


def test_azures_client_works(sdk: Sdk, live: Live) -> None:
    azure = {"azure": True, "base_url": None, "azure_endpoint": live.url, "api_version": "2024-10-21"}
    found = sdk("chat", azure, **hello(model="gpt-4o-mini"))
    assert found["completion"]["choices"][0]["message"]["content"] == HELLO
    assert live.upstream.calls[0].json()["model"] == "gpt-4o-mini"
    live.upstream.script(stream(openai_stream()))
    assert text_of(sdk("stream", azure, **hello(model="gpt-4o-mini"))["chunks"]) == HELLO


def test_a_rate_limit_is_tried_again_as_often_as_the_client_says(sdk: Sdk, live: Live) -> None:
    live.upstream.then(answer(openai_error(), 429, [("retry-after-ms", "1")]))
    assert "completion" in sdk("chat", {"max_retries": 1}, **hello())
    assert live.upstream.count == 2
    live.upstream.script(answer(openai_error(), 429))
    assert "error" in sdk("chat", {"max_retries": 1}, **hello())
    assert live.upstream.count == 4


def test_what_will_not_get_better_is_not_tried_again(sdk: Sdk, live: Live) -> None:
    quota = openai_error("You have run out of credits", "insufficient_quota", "insufficient_quota")
    for behaviour in (answer(quota, 429), answer(openai_error(), 429, [("retry-after", "300")])):
        live.upstream.forget()
        live.upstream.script(behaviour)
        assert told(sdk("chat", {"max_retries": 2}, **hello())["error"])[:2] == ("RateLimitError", 429)
        assert live.upstream.count == 1


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_a_cached_answer_is_the_same_plain_and_streamed(sdk: Sdk, live: Live, model: str) -> None:
    both(live)
    body = hello(model=model, temperature=0)
    first, again = sdk("chat", **body)["completion"], sdk("chat", **body)["completion"]
    streamed = sdk("stream", **body, stream_options={"include_usage": True})["chunks"]
    assert live.upstream.count == 1
    assert again == first
    assert {chunk["id"] for chunk in streamed} == {first["id"]}
    assert text_of(streamed) == first["choices"][0]["message"]["content"] == HELLO
    assert streamed[-2]["choices"][0]["finish_reason"] == "stop"
    assert streamed[-1]["usage"]["total_tokens"] == first["usage"]["total_tokens"]
    assert sdk("headers", **body)["x-bt-cached"] == "HIT"
    if model == MODEL:
        assert (first["id"], streamed[-1]["usage"]["prompt_tokens"]) == (OPENAI_ID, openai_usage()["prompt_tokens"])


def test_embeddings_come_as_numbers_whatever_the_client_asks_for_by_itself(sdk: Sdk, live: Live) -> None:
    live.upstream.script(answer(embeddings_answer("AACAPwAAAEA=")), path="/v1/embeddings")
    body = {"model": "openai/text-embedding-3-small", "input": uuid.uuid4().hex}
    assert sdk("embed", **body) == sdk("embed", **body) == [[1.0, 2.0]]
    assert live.upstream.count == 1
    assert live.upstream.calls[0].json()["encoding_format"] == "base64"
    azure = {"azure": True, "base_url": None, "azure_endpoint": live.url, "api_version": "2024-10-21"}
    assert sdk("embed", azure, model="text-embedding-3-small", input=uuid.uuid4().hex) == [[1.0, 2.0]]
    assert told(sdk("embed", **body | {"input": ""})["error"])[:2] == ("BadRequestError", 400)


def test_moderations_and_completions_are_what_they_are_at_openai(sdk: Sdk, live: Live) -> None:
    live.upstream.script(answer(moderation_answer(flagged=True)), path="/v1/moderations")
    assert sdk("moderate", input=uuid.uuid4().hex)["results"][0]["flagged"] is True
    live.upstream.script(answer(completion_answer()), path="/v1/completions")
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": uuid.uuid4().hex}
    assert sdk("complete", **body)["choices"][0]["text"] == HELLO
    live.upstream.script(stream(completion_stream()), path="/v1/completions")
    assert "".join(sdk("complete_streamed", **body)) == HELLO
    assert told(sdk("complete", **body | {"model": "gpt-4o"})["error"])[:2] == ("BadRequestError", 400)


def test_sound_is_transcribed_through_the_relay(sdk: Sdk, live: Live) -> None:
    live.upstream.script(answer(b'{"text": "Hello"}'), path="/v1/audio/transcriptions")
    client = {"base_url": f"{live.url}/v1/proxy"}
    assert sdk("transcribe", client, sound="sound", model="openai/whisper-1") == "Hello"
    body = live.upstream.calls[0].body
    assert (b"openai/whisper-1" in body, b"whisper-1" in body, b"sound" in body) == (False, True, True)
