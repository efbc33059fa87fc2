"""OpenAI chat requests crossing to Responses, and the ways to look at what became of a request."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.dialects import openai_chat, openai_responses
from proxy_api.errors import BadRequest

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def both(model: str = "gpt-4o", **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Responses, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": model, "messages": HELLO, **fields})
    body, losses = openai_responses.write_request(asked, ModelFacts())
    return body, {loss.param: loss.reason for loss in losses}


def crossed(model: str = "gpt-4o", **fields: Any) -> dict[str, Any]:
    return both(model, **fields)[0]


def refused(**fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(**fields)
    return caught.value.param


def said_by_user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def call(arguments: str, id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
