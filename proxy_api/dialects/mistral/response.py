"""A finished answer of Mistral's, both ways. https://docs.mistral.ai/api/endpoint/chat

OpenAI's completion, but for content that may be a list with thinking in it, calls without type or index, arguments that
may be an object, and `model_length` and `error` as finish reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from proxy_api.chat import JSON, ChatResponse, Choice, FinishReason, Part, Reasoning, Refusal, Text, ToolCall
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import arguments_text, text_in
from proxy_api.dialects.mistral.messages_out import nine
from proxy_api.dialects.openai_chat.response import judge
from proxy_api.dialects.openai_chat.usage import usage_of, write_usage
from proxy_api.dialects.saying import given
from proxy_api.errors import UpstreamError

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",  # OpenAI's word, from those who host its models
}
_WORDS: dict[FinishReason, str] = {"function_call": "tool_calls", "content_filter": "stop"}


def finish_reason(native: str, *, calls: bool, said: bool) -> FinishReason:
    """Words of tomorrow are `stop`; a normal stop with calls is for them. Raises UpstreamError where the model failed
    before it `said` anything."""
    if native == "error" and not said:
        raise UpstreamError("The provider's model failed")
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" else reason


def native_reason(reason: FinishReason, native: str | None) -> str:
    return native if native in _REASONS and native is not None else _WORDS.get(reason, reason)


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises what judge() raises: what an error object in a 200 means, UpstreamIncomplete without finish reasons."""
    reasons = judge(body)
    choices = zip(body["choices"], reasons.items(), strict=True)
    return ChatResponse(
        id=text_in(body.get("id")),
        model=text_in(body.get("model")),
        created=int(body.get("created") or now),
        choices=tuple(_choice(choice, index, native, body) for choice, (index, native) in choices),
        usage=usage_of(body),
    )


def _choice(said: dict[str, Any], index: int, native: str, body: dict[str, Any]) -> Choice:
    message = said.get("message") or {}
    calls = [
        ToolCall(call_id(call, f"{body.get('id')}:{index}:{position}"), *called(call))
        for position, call in enumerate(message.get("tool_calls") or ())
    ]
    parts: tuple[Part, ...] = (*read_content(message.get("content")), *calls)
    reason = finish_reason(native, calls=bool(calls), said=bool(parts))
    return Choice(index, parts, reason, native, said.get("logprobs"))


def called(call: dict[str, Any]) -> tuple[str, str]:
    """The name and the arguments."""
    return text_in(call["function"]["name"]), arguments_text(call["function"].get("arguments"))


def call_id(call: dict[str, Any], place: str) -> str:
    """Old answers have no id, or the word null for one; then it is made of the call's place."""
    said = text_in(call.get("id"))
    return said if said and said != "null" else nine(place)


def read_content(said: Any) -> Iterator[Part]:
    """A string, or a list of texts and thoughts; chunks of references and tools are no part of the answer."""
    if isinstance(said, str):
        if said:
            yield Text(said)
        return
    for chunk in said or ():
        if chunk.get("type") == "text":
            if text := text_in(chunk.get("text")):
                yield Text(text)
        elif chunk.get("type") == "thinking":
            yield Reasoning(thought(chunk), text_in(chunk.get("signature")) or None)


def thought(chunk: dict[str, Any]) -> str:
    """The texts of a thinking chunk, a list or (older) a string."""
    said = chunk.get("thinking")
    if isinstance(said, str):
        return said
    return "".join(text_in(item.get("text")) for item in said or () if item.get("type") == "text")


def write_response(response: ChatResponse) -> dict[str, Any]:
    said = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_written(choice) for choice in response.choices],
    }
    return said | ({"usage": write_usage(response.usage)} if response.usage is not None else {})


def _written(choice: Choice) -> dict[str, Any]:
    calls = [
        {"id": part.id, "function": {"name": part.name, "arguments": part.arguments}, "index": index}
        for index, part in enumerate(part for part in choice.parts if isinstance(part, ToolCall))
    ]
    said = {
        "index": choice.index,
        "message": {"role": "assistant", "content": _content(choice.parts), "tool_calls": calls or None},
        "finish_reason": native_reason(choice.finish_reason, choice.native_finish_reason),
    }
    return said | given({"logprobs": choice.logprobs})


def _content(parts: Iterable[Part]) -> Any:
    chunks = [chunk for part in parts if (chunk := _chunk(part))]
    if all(chunk["type"] == "text" for chunk in chunks):
        return "".join(chunk["text"] for chunk in chunks)
    return chunks


def _chunk(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text}
        case Reasoning(redacted=None):
            return thinking_chunk(part.text, part.signature, closed=True)
        case _:
            return None


def thinking_chunk(text: str, signature: str | None, *, closed: bool) -> dict[str, Any]:
    said = {"type": "thinking", "thinking": [{"type": "text", "text": text}] if text else []}
    return said | given({"signature": signature, "closed": closed or None})
