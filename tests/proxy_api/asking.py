"""What tests of the live server ask, and how they read what comes back."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.live import Answer, Live
from tests.loopback import Behaviour

MODEL = "openai/gpt-4o-mini"
CLAUDE = "anthropic/claude-sonnet-4-5"
CHAT = "/v1/proxy/chat/completions"
UPSTREAM_CHAT = "/v1/chat/completions"
UPSTREAM_MESSAGES = "/v1/messages"
WEEK = 604800
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def hello(**fields: Any) -> dict[str, Any]:
    """A request that nobody has made before; `fields` replace or add top-level ones."""
    said = f"Hello {uuid.uuid4().hex}"
    return {"model": MODEL, "messages": [{"role": "user", "content": said}], **fields}


def cached(answer: Answer) -> str:
    """HIT or MISS; the answer is a good one."""
    assert answer.status == 200, answer.body
    return answer.headers["x-bt-cached"]


def payloads(body: bytes) -> list[str]:
    """The data of each frame of a stream, comments left out."""
    frames = body.decode().split("\n\n")
    assert frames.pop() == "", "a stream ends with an empty line"
    return [frame.removeprefix("data: ") for frame in frames if frame.startswith("data: ")]


def chunks(body: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream that ended well."""
    *data, last = payloads(body)
    assert last == "[DONE]"
    return [json.loads(text) for text in data]


def text_of(streamed: list[dict[str, Any]]) -> str:
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in streamed if chunk["choices"])


def refusal(answer: Answer) -> dict[str, Any]:
    """The error object of an answer that is in OpenAI's shape to the letter."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert isinstance(body["error"]["message"], str)
    assert isinstance(body["error"]["type"], str)
    found: dict[str, Any] = body["error"]
    return found


def with_request_id(answer: Answer) -> str:
    """The request id, which every answer has under both names: a UUIDv7."""
    given = answer.headers["x-request-id"]
    assert answer.headers["request-id"] == given
    assert uuid.UUID(given).version == 7
    return given


def anthropic(live: Live, behaviour: Behaviour) -> None:
    """What the upstream does where it is asked as Anthropic."""
    live.upstream.script(behaviour, path=UPSTREAM_MESSAGES)
