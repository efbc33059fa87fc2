"""OpenAI requests crossing to Anthropic: the models, and the ways to look at what became of a request."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.dialects import anthropic, openai_chat
from proxy_api.errors import BadRequest

BUDGET = ModelFacts(max_output_tokens=64000, thinking="budget", structured_output=True, takes_budget=True)
ADAPTIVE = ModelFacts(128000, "adaptive", ("low", "medium", "high", "max"), False, True)
PLAIN = ModelFacts(max_output_tokens=8192)
PNG = "iVBORw0KGgo="
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def crossed(facts: ModelFacts = PLAIN, **fields: Any) -> dict[str, Any]:
    return both(facts, **fields)[0]


def both(facts: ModelFacts = PLAIN, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Anthropic, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": "claude-x", "messages": HELLO, **fields})
    body, losses = anthropic.write_request(asked, facts)
    return body, {loss.param: loss.reason for loss in losses}


def refused(facts: ModelFacts = PLAIN, **fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(facts, **fields)
    return caught.value.param


def said_by_user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def call(arguments: str, id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
