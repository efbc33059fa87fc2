"""OpenAI requests crossing to Bedrock's Converse: the models, the messages and the ways to look at what became of them.

Shapes after https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import bedrock_converse, openai_chat
from proxy_api.errors import BadRequest

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ADAPTIVE = "us.anthropic.claude-opus-4-7"
NOVA = "us.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2402-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
QWEN = "qwen.qwen3-32b-v1:0"
TITAN = "amazon.titan-text-express-v1"
PNG = "iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERg=="
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
NEWS = {"type": "function", "function": {"name": "news"}}


def crossed(model: str = CLAUDE, **fields: Any) -> dict[str, Any]:
    return both(model, **fields)[0]


def both(model: str = CLAUDE, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Bedrock, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": model, "messages": HELLO, **fields})
    body, losses = bedrock_converse.write_request(asked, facts(model))
    return body, {loss.param: loss.reason for loss in losses}


def refused(model: str = CLAUDE, **fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(BadRequest) as caught:
        crossed(model, **fields)
    return caught.value.param, caught.value.code


def said_by_user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def file(name: str | None = None, data: str = PDF) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data} | ({"filename": name} if name else {})}


def call(arguments: str, id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def called(*calls: dict[str, Any], **results: Any) -> list[dict[str, Any]]:
    """A history with calls and their results."""
    told = [{"role": "tool", "tool_call_id": name, "content": content} for name, content in results.items()]
    return [*HELLO, {"role": "assistant", "content": None, "tool_calls": list(calls)}, *told]
