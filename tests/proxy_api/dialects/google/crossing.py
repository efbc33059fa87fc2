"""OpenAI requests as Gemini gets them, and Gemini's answers as OpenAI's clients do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import google, openai_chat
from proxy_api.dialects.asked import events_as_asked, response_as_asked
from proxy_api.errors import BadRequest
from proxy_api.framing import sse
from tests.proxy_api.dialects.wire import chunks, frames, joined

FLASH, PRO, NEW = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview"
PNG = "iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "totalTokenCount": 17}


def both(model: str = NEW, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Gemini, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": model, "messages": HELLO, **fields})
    body, losses = google.write_request(asked, facts(model))
    return body, {loss.param: loss.reason for loss in losses}


def crossed(model: str = NEW, **fields: Any) -> dict[str, Any]:
    return both(model, **fields)[0]


def config(model: str = NEW, **fields: Any) -> Any:
    return crossed(model, **fields).get("generationConfig")


def refused(model: str = NEW, **fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(model, **fields)
    return caught.value.param


def call(arguments: str, id: str = "call_1", name: str = "weather", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def answer(*parts: Any, reason: Any = "STOP", **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, **fields}
    return {"candidates": [candidate], "usageMetadata": dict(USAGE), "modelVersion": "gemini-x", "responseId": "r1"}


def seen(body: Any, **asked: Any) -> dict[str, Any]:
    """What an OpenAI client gets of a plain answer."""
    request = openai_chat.read_request({"model": "gemini-x", "messages": HELLO, **asked})
    return openai_chat.write_response(response_as_asked(google.read_response(body, 1700000000), request))


def message(*parts: Any, **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = seen(answer(*parts, **fields))["choices"][0]["message"]
    return said


def event(*parts: Any, **fields: Any) -> dict[str, Any]:
    """One event of a stream; `reason` ends it."""
    reason = fields.pop("reason", None)
    candidate = {"content": {"role": "model", "parts": list(parts)}, **({"finishReason": reason} if reason else {})}
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1", **fields}


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(sse(orjson.dumps(said)) for said in events)


def streamed(*events: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    """The chunks that an OpenAI client gets, the provider's bytes coming one at a time."""
    request = openai_chat.read_request({"model": "gemini-x", "messages": HELLO, **asked})
    read = events_as_asked(google.read_stream(frames(stream(*events)), 1700000000), request)
    return chunks(joined(openai_chat.write_stream(read, include_usage=True)))


def deltas(found: list[dict[str, Any]], field: str) -> list[Any]:
    return [
        choice["delta"][field]
        for chunk in found
        for choice in chunk["choices"]
        if choice["delta"].get(field) not in (None, "")
    ]
