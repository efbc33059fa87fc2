"""Answers and streams of Responses for its tests, and how OpenAI chat clients get them.

Shapes after https://developers.openai.com/api/reference/resources/responses and its streaming-events
"""

from __future__ import annotations

from typing import Any

from proxy_api.dialects import openai_chat, openai_responses
from tests.proxy_api.dialects.wire import anthropic_stream as responses_stream
from tests.proxy_api.dialects.wire import chunks, frames, joined

USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 37,
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'}


def message(*parts: dict[str, Any], id: str = "msg_1") -> dict[str, Any]:
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": list(parts)}


def text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": []}


def response(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1700000000, "status": status, "model": "gpt-5"}
    return {**head, "error": None, "output": list(output), "usage": USAGE, **fields}


def answer(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return openai_chat.write_response(openai_responses.read_response(response(*output, status=status, **fields), 1))


def streamed(*events: dict[str, Any]) -> list[dict[str, Any]]:
    read = openai_responses.read_stream(frames(responses_stream(*events), 7), 1)
    return chunks(joined(openai_chat.write_stream(read, include_usage=True)))


def event(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": index, **fields}


BEGIN = {"type": "response.created", "response": response(status="in_progress", usage=None)}


def end(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": response(*output, status=status, **fields)}
