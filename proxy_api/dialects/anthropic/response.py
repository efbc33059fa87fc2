"""An Anthropic message, both ways. https://platform.claude.com/docs/en/api/messages (the response)

Blocks of server-side tools and their results are the provider's own bookkeeping: the text around them is the answer.
They are kept as opaque parts, because Anthropic wants them back with the next turn.
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
from proxy_api.dialects.anthropic.errors import error_in
from proxy_api.dialects.anthropic.native import NAME, read_citations, write_citations
from proxy_api.dialects.failures import understood
from proxy_api.errors import UpstreamError, UpstreamIncomplete

# https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons ; words of tomorrow are `stop`.
_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_NATIVE_USAGE = ("cache_creation", "server_tool_use")
_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def finish_reason(native: str, calls: bool) -> FinishReason:
    """calls: the answer has tool calls; with a normal stop they are what it stopped for."""
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" and native != "pause_turn" else reason


def stop_reason(choice: Choice) -> str:
    native = choice.native_finish_reason
    return native if native in _REASONS and native is not None else _STOP_REASONS[choice.finish_reason]


def explanation(details: Any) -> str:
    """Why the model refused, where it says so (`stop_details`)."""
    said = details.get("explanation") if isinstance(details, dict) else None
    return said if isinstance(said, str) else ""


def read_usage(said: dict[str, Any]) -> Usage:
    """Anthropic counts cached tokens beside input_tokens, we count them in."""
    written, cached = said.get("cache_creation_input_tokens") or 0, said.get("cache_read_input_tokens") or 0
    return Usage(
        input_tokens=(said.get("input_tokens") or 0) + written + cached,
        output_tokens=said.get("output_tokens") or 0,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=(said.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
        native={name: said[name] for name in _NATIVE_USAGE if said.get(name)},
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
        **usage.native,
    }


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises what an error object in a 200 means, UpstreamError for anything that is no message, UpstreamIncomplete
    for one without a stop reason. now: Unix seconds; Anthropic gives no time."""
    if isinstance(body, dict) and body.get("type") == "error":
        raise error_in(body)
    if not isinstance(body, dict) or not isinstance(body.get("content"), list):
        raise UpstreamError("The provider's answer is no message")
    native = body.get("stop_reason")
    if not isinstance(native, str):
        raise UpstreamIncomplete("The provider's answer has no stop_reason")
    parts = list(read_blocks(body["content"]))
    if refusal := explanation(body.get("stop_details")):
        parts.append(Refusal(refusal))
    calls = any(is_clients(block) for block in body["content"])
    choice = Choice(0, tuple(parts), finish_reason(native, calls), native)
    usage = body.get("usage")
    return ChatResponse(
        id=body.get("id") or "",
        model=body.get("model") or "",
        created=now,
        choices=(choice,),
        usage=read_usage(usage) if usage else None,
        extra=read_extra(body),
    )


def read_extra(said: dict[str, Any]) -> dict[str, Any]:
    """The container that code ran in, which the next request may name. said: a message, or a stream's last delta.
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool"""
    return {"container": said["container"]} if said.get("container") else {}


def is_clients(block: dict[str, Any]) -> bool:
    """A tool call that the client owes an answer. One made by code that runs at Anthropic is owed only where the stop
    reason says so: https://platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling"""
    return block.get("type") == "tool_use" and (block.get("caller") or {}).get("type", "direct") == "direct"


def arguments(given: Any) -> str:
    """A call's input as JSON text. The stdlib's writer knows integers of any size."""
    return json.dumps(given or {}, separators=(",", ":"), ensure_ascii=False)


def read_blocks(blocks: list[dict[str, Any]]) -> Iterator[Part]:
    start = 0
    for block in blocks:
        for part in read_block(block, start):
            start += len(part.text) if isinstance(part, Text) else 0
            yield part


def read_block(block: dict[str, Any], start: int) -> Iterator[Part]:
    """start: the characters of text before it."""
    match block:
        case {"type": "text", "text": str(text)}:
            if text:
                yield Text(text, citations=read_citations(block.get("citations"), start, start + len(text)))
        case {"type": "thinking", "thinking": str(text)}:
            yield Reasoning(text, block.get("signature") or None)
        case {"type": "redacted_thinking", "data": str(data)}:
            yield Reasoning(redacted=data)
        case {"type": "tool_use", "id": str(call_id), "name": str(name)}:
            yield ToolCall(call_id, name, arguments(block.get("input")))
        case {"type": str()}:
            yield Opaque(NAME, block)


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The first choice: Anthropic has one."""
    choice = response.choices[0]
    refusal = "".join(part.text for part in choice.parts if isinstance(part, Refusal))
    said: dict[str, Any] = {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": [block for part in choice.parts if (block := write_block(part))],
        "stop_reason": stop_reason(choice),
        "stop_sequence": None,
        "usage": write_usage(response.usage or Usage()),
    }
    said |= read_extra(dict(response.extra))
    return said | ({"stop_details": {"type": "refusal", "explanation": refusal}} if refusal else {})


def write_block(part: Part) -> dict[str, Any] | None:
    """None for what an answer of Anthropic's has no block for (a refusal stands in stop_details)."""
    match part:
        case Text():
            cited = write_citations(part.citations)
            return {"type": "text", "text": part.text} | ({"citations": cited} if cited else {})
        case Reasoning(redacted=str(data)):
            return {"type": "redacted_thinking", "data": data}
        case Reasoning():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": json.loads(part.arguments or "{}")}
        case Opaque(dialect="anthropic"):
            return dict(part.data)
        case Refusal() | Image() | File() | Audio() | ToolResult() | Opaque():
            return None
        case _:
            assert_never(part)
