"""A finished answer of Cohere's, both ways. https://docs.cohere.com/reference/chat

The plan that a model tells beside its calls is no text of the answer: it is reasoning. Cohere does not say its model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from proxy_api.chat import (
    JSON,
    ChatResponse,
    Choice,
    Citation,
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
from proxy_api.dialects.saying import given
from proxy_api.errors import UpstreamError, UpstreamIncomplete

# Words of tomorrow are `stop`. ERROR and TIMEOUT are told as an error where nothing had been said.
_REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
    "TIMEOUT": "length",
}
_WORDS: dict[FinishReason, str] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "function_call": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}
_FAULTS = ("ERROR", "TIMEOUT")


def finish_reason(native: str, *, calls: bool, said: bool, why: str = "") -> FinishReason:
    """Raises UpstreamError where the model failed before it `said` anything. why: the provider's sentence."""
    if native in _FAULTS and not said:
        raise UpstreamError(why or f"The provider's model stopped with {native}")
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" else reason


def native_reason(reason: FinishReason, native: str | None) -> str:
    return native if native in _REASONS and native is not None else _WORDS[reason]


def read_usage(said: dict[str, Any]) -> Usage | None:
    """All tokens, not only those that are billed; counts come as floats too."""
    counted = said.get("tokens") or said.get("billed_units")
    if not counted:
        return None
    return Usage(
        input_tokens=int(counted.get("input_tokens") or 0),
        output_tokens=int(counted.get("output_tokens") or 0),
        cached_tokens=int(said.get("cached_tokens") or 0),
        reasoning_tokens=int(counted.get("reasoning_tokens") or 0),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    counted = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    tokens = counted | {"reasoning_tokens": usage.reasoning_tokens}
    return {"billed_units": counted, "tokens": tokens, "cached_tokens": usage.cached_tokens}


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises UpstreamError for anything that is no message, UpstreamIncomplete for one without a finish reason. now:
    Unix seconds; Cohere gives no time."""
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        why = body.get("message") if isinstance(body, dict) else None
        raise UpstreamError(why if isinstance(why, str) and why else "The provider's answer is no message")
    native = body.get("finish_reason")
    if not isinstance(native, str):
        raise UpstreamIncomplete("The provider's answer has no finish_reason")
    message = body["message"]
    calls = [read_call(call) for call in message.get("tool_calls") or ()]
    parts = (*_plan(message), *_cited(list(read_content(message.get("content"))), message), *calls)
    reason = finish_reason(native, calls=bool(calls), said=bool(parts))
    choice = Choice(0, parts, reason, native, read_logprobs(body.get("logprobs")))
    return ChatResponse(text_in(body.get("id")), "", now, (choice,), read_usage(body.get("usage") or {}))


def _plan(message: dict[str, Any]) -> Iterator[Part]:
    if plan := text_in(message.get("tool_plan")):
        yield Reasoning(plan)


def read_call(said: dict[str, Any]) -> ToolCall:
    return ToolCall(
        text_in(said["id"]), text_in(said["function"]["name"]), arguments_text(said["function"].get("arguments"))
    )


def read_content(said: Any) -> Iterator[Text | Reasoning]:
    for item in said or ():
        if item.get("type") == "text" and (text := text_in(item.get("text"))):
            yield Text(text)
        elif item.get("type") == "thinking" and (thought := text_in(item.get("thinking"))):
            yield Reasoning(thought)


def _cited(parts: list[Text | Reasoning], message: dict[str, Any]) -> list[Text | Reasoning]:
    """Citations count the characters of the answer's text: they stand with its last piece."""
    citations = tuple(read_citation(said) for said in message.get("citations") or ())
    last = max((index for index, part in enumerate(parts) if isinstance(part, Text)), default=None)
    return [
        replace(part, citations=citations) if index == last and isinstance(part, Text) else part
        for index, part in enumerate(parts)
    ]


def read_citation(said: dict[str, Any]) -> Citation:
    """https://docs.cohere.com/docs/documents-and-citations : a source is a document or a tool's result, in which its
    maker may have put an address and a title."""
    sources = said.get("sources") or [{}]
    data = sources[0].get("document") or sources[0].get("tool_output") or {}
    url, title = data.get("url"), data.get("title")
    return Citation(
        start=int(said.get("start") or 0),
        end=int(said.get("end") or 0),
        url=url if isinstance(url, str) else None,
        title=title if isinstance(title, str) else None,
        native=said,
    )


def write_citations(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """Those that Cohere has given itself: other makers' forms say nothing to its clients."""
    return [cited.native for cited in citations if isinstance(cited.native, dict) and "sources" in cited.native]


def read_logprobs(said: Any) -> JSON:
    """Cohere gives pieces of text with the ids and probabilities of their tokens: told as OpenAI's, a piece's
    probabilities joined, since the tokens' own texts are not told."""
    items = said if isinstance(said, list) else [said] if isinstance(said, dict) else []
    content: list[JSON] = [
        {
            "token": text_in(item.get("text")),
            "logprob": math.fsum(item.get("logprobs") or ()),
            "bytes": None,
            "top_logprobs": [],
        }
        for item in items
    ]
    return {"content": content} if content else None


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The first choice: Cohere has one."""
    choice = response.choices[0]
    calls = [write_call(part) for part in choice.parts if isinstance(part, ToolCall)]
    citations = [said for part in choice.parts if isinstance(part, Text) for said in write_citations(part.citations)]
    items = list(_written(choice.parts))
    message = {"content": items or None, "tool_calls": calls or None, "citations": citations or None}
    said = {
        "id": response.id,
        "message": {"role": "assistant", **given(message)},
        "finish_reason": native_reason(choice.finish_reason, choice.native_finish_reason),
    }
    return said | ({"usage": write_usage(response.usage)} if response.usage is not None else {})


def write_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _written(parts: Iterable[Part]) -> Iterator[dict[str, Any]]:
    for part in parts:
        if isinstance(part, (Text, Refusal)):
            yield {"type": "text", "text": part.text}
        elif isinstance(part, Reasoning) and part.redacted is None:
            yield {"type": "thinking", "thinking": part.text}
