"""A Converse answer, both ways. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

It has neither an id nor a model's name. Calls of tools that run at Amazon (`server_tool_use`), their results and the
citations around a text are the provider's own bookkeeping: the text is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, assert_never

from proxy_api.chat import (
    JSON,
    Audio,
    ChatResponse,
    Choice,
    File,
    FinishReason,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from proxy_api.dialects.failures import understood
from proxy_api.errors import UpstreamError, UpstreamIncomplete

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html ; words of tomorrow: `stop`.
_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",  # Claude's own word: https://platform.claude.com/docs/en/api/handling-stop-reasons
}
_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filtered",
}
_FAULTS = ("malformed_model_output", "malformed_tool_use")
SERVER_TOOL = "server_tool_use"


def finish_reason(native: str, calls: bool, said: bool) -> FinishReason:
    """calls: the answer has tool calls; said: it has anything. Raises UpstreamError for a fault of the model that left
    nothing."""
    if native in _FAULTS and not said:
        raise UpstreamError(f"The model gave no usable answer ({native})")
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" else reason


def stop_reason(choice: Choice) -> str:
    native = choice.native_finish_reason
    return native if native in _REASONS and native is not None else _STOP_REASONS[choice.finish_reason]


def read_usage(said: dict[str, Any]) -> Usage:
    """Bedrock counts cached tokens beside inputTokens, we count them in."""
    written, cached = said.get("cacheWriteInputTokens") or 0, said.get("cacheReadInputTokens") or 0
    return Usage(
        input_tokens=(said.get("inputTokens") or 0) + written + cached,
        output_tokens=said.get("outputTokens") or 0,
        cached_tokens=cached,
        cache_write_tokens=written,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "inputTokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
        "cacheReadInputTokens": usage.cached_tokens,
        "cacheWriteInputTokens": usage.cache_write_tokens,
    }


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises UpstreamError for anything that is no message, UpstreamIncomplete for one without a stop reason.
    now: Unix seconds; Bedrock gives no time."""
    message = (body.get("output") or {}).get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict) or not isinstance(message.get("content") or [], list):
        raise UpstreamError("The provider's answer is no message")
    native = body.get("stopReason")
    if not isinstance(native, str):
        raise UpstreamIncomplete("The provider's answer has no stopReason")
    parts = tuple(part for block in message.get("content") or () for part in read_block(block))
    calls = any(isinstance(part, ToolCall) for part in parts)
    choice = Choice(0, parts, finish_reason(native, calls, bool(parts)), native)
    usage = body.get("usage")
    return ChatResponse("", "", now, (choice,), read_usage(usage) if usage else None)


def arguments(given: Any) -> str:
    """A call's input as JSON text. The stdlib's writer knows integers of any size."""
    return json.dumps(given or {}, separators=(",", ":"), ensure_ascii=False)


def read_block(block: dict[str, Any]) -> Iterator[Part]:
    match block:
        case {"text": str(text)}:
            if text:
                yield Text(text)
        case {"toolUse": {"toolUseId": str(call_id), "name": str(name)} as call} if call.get("type") != SERVER_TOOL:
            yield ToolCall(call_id, name, arguments(call.get("input")))
        case {"reasoningContent": {"reasoningText": {"text": str(text)} as thought}}:
            yield Reasoning(text, thought.get("signature"))
        case {"reasoningContent": {"redactedContent": str(data)}}:
            yield Reasoning(redacted=data)
        case {"image": {"format": str(form), "source": {"bytes": str(data)}}}:
            yield Image(f"image/{form}", data)
        case {"citationsContent": {"content": list(cited)}}:
            for piece in cited:
                yield from read_block(piece)


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The first choice: Bedrock has one."""
    choice = response.choices[0]
    content = [block for part in choice.parts if (block := write_block(part))]
    said: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(choice),
    }
    return said | ({"usage": write_usage(response.usage)} if response.usage is not None else {})


def write_block(part: Part) -> dict[str, Any] | None:
    """None for what an answer of Bedrock's has no block for."""
    match part:
        case Text() | Refusal():
            return {"text": part.text}
        case Reasoning(redacted=str(data)):
            return {"reasoningContent": {"redactedContent": data}}
        case Reasoning():
            signature = {} if part.signature is None else {"signature": part.signature}
            return {"reasoningContent": {"reasoningText": {"text": part.text} | signature}}
        case ToolCall():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": json.loads(part.arguments or "{}")}}
        case Image(media_type=str(media_type), data=str(data)):
            return {"image": {"format": media_type.removeprefix("image/"), "source": {"bytes": data}}}
        case Image() | File() | Audio() | ToolResult() | Opaque():
            return None
        case _:
            assert_never(part)
