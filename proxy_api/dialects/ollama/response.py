"""A finished answer of Ollama's, both ways. https://docs.ollama.com/api/chat

It has no id, and only recent versions give their calls one. Times are RFC 3339, durations mean nothing to a client.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from proxy_api.chat import (
    JSON,
    ChatResponse,
    Choice,
    FinishReason,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Usage,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import arguments_text, text_in
from proxy_api.dialects.openai_chat.errors import error_in
from proxy_api.dialects.saying import given
from proxy_api.errors import UpstreamError, UpstreamIncomplete

_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}  # load, unload and tomorrow's words: stop


def finish_reason(native: str, *, calls: bool) -> FinishReason:
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" else reason


def native_reason(reason: FinishReason, native: str | None) -> str:
    return native if native in _REASONS and native is not None else "length" if reason == "length" else "stop"


def read_usage(said: dict[str, Any]) -> Usage | None:
    prompt, output = said.get("prompt_eval_count"), said.get("eval_count")
    return None if prompt is None and output is None else Usage(int(prompt or 0), int(output or 0))


def write_usage(usage: Usage) -> dict[str, Any]:
    return {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}


def read_time(said: Any, now: int) -> int:
    """Unix seconds; now where it says no time."""
    try:
        return int(datetime.fromisoformat(said).timestamp())
    except (TypeError, ValueError, OverflowError):
        return now


def write_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises what an error object in a 200 means, UpstreamError for anything that is no message, UpstreamIncomplete for
    one that is not done. now: Unix seconds."""
    if (error := error_in(body)) is not None:
        raise error
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        raise UpstreamError("The provider's answer is no message")
    if not body.get("done"):
        raise UpstreamIncomplete("The provider's answer is not done")
    parts = tuple(_parts(body))
    native = text_in(body.get("done_reason")) or "stop"
    reason = finish_reason(native, calls=any(isinstance(part, ToolCall) for part in parts))
    choice = Choice(0, parts, reason, native, read_logprobs(body.get("logprobs")))
    created = read_time(body.get("created_at"), now)
    return ChatResponse("", text_in(body.get("model")), created, (choice,), read_usage(body))


def _parts(body: dict[str, Any]) -> Iterator[Part]:
    message = body["message"]
    if thinking := text_in(message.get("thinking")):
        yield Reasoning(thinking)
    if text := text_in(message.get("content")):
        yield Text(text)
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield read_call(call, f"{body.get('created_at')}:{index}")


def read_call(said: dict[str, Any], place: str) -> ToolCall:
    """place: when and as which call it was made, of which an id is made where it has none."""
    name, arguments = text_in(said["function"]["name"]), arguments_text(said["function"].get("arguments"))
    made = hashlib.blake2b(f"{place}:{name}:{arguments}".encode(errors="replace"), digest_size=12).hexdigest()
    return ToolCall(text_in(said.get("id")) or f"call_{made}", name, arguments)


def read_logprobs(said: Any) -> JSON:
    """OpenAI's, but that what is empty is left out."""
    if not isinstance(said, list) or not said:
        return None
    return {"content": [{"bytes": None, "top_logprobs": []} | item for item in said]}


def write_logprobs(told: JSON) -> dict[str, Any]:
    """A field beside the message; none where nothing is told."""
    tokens = (told or {}).get("content")
    return {"logprobs": tokens} if tokens else {}


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The first choice: Ollama has one."""
    choice = response.choices[0]
    said = {
        "model": response.model,
        "created_at": write_time(response.created),
        "message": _message(choice),
        "done": True,
        "done_reason": native_reason(choice.finish_reason, choice.native_finish_reason),
        **write_logprobs(choice.logprobs),
    }
    return said | (write_usage(response.usage) if response.usage is not None else {})


def _message(choice: Choice) -> dict[str, Any]:
    text = "".join(part.text for part in choice.parts if isinstance(part, (Text, Refusal)))
    thought = "".join(part.text for part in choice.parts if isinstance(part, Reasoning))
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    written = [write_call(call, index) for index, call in enumerate(calls)]
    return {"role": "assistant", "content": text} | given({"thinking": thought or None, "tool_calls": written or None})


def write_call(call: ToolCall, index: int) -> dict[str, Any]:
    function = {"index": index, "name": call.name, "arguments": json.loads(call.arguments or "{}")}
    return {"id": call.id, "function": function}
