"""A finished completion made a whole stream in one piece of bytes, as a cache hit needs it.

Role, reasoning, refusal, content, tool calls, finish, usage if asked for, [DONE]; fields that nobody here knows go out
where a live stream has them: a message's in the role chunk, a choice's in the finish chunk, the top level's in the
first chunk. fold() of it gives the completion back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from orjson import dumps

from proxy_api.framing import DONE

_TEXTS = ("reasoning_content", "reasoning", "refusal", "content")
_OF_PIECE = frozenset({"index", "message", "finish_reason", "delta"})  # Perplexity's finished choice has a delta too
_ENVELOPE = ("id", "created", "model", "system_fingerprint", "service_tier")


def unfold(completion: dict[str, Any], include_usage: bool) -> bytes:
    """completion: as judge() accepts it. Each chunk ends with `usage: null` where usage was asked for."""
    usage: dict[str, Any] = {"usage": None} if include_usage else {}
    head = {"id": completion.get("id"), "object": "chat.completion.chunk"}
    head |= {key: completion[key] for key in _ENVELOPE if key in completion}
    choices = [piece for choice in completion["choices"] for piece in _pieces(choice)]
    chunks = [head | {"choices": [piece]} | usage for piece in choices]
    known = {"object", "choices", "usage", *_ENVELOPE}
    chunks[0] |= {key: value for key, value in completion.items() if key not in known}
    if include_usage and completion.get("usage") is not None:
        chunks.append(head | {"choices": [], "usage": completion["usage"]})
    return b"".join([b"data: " + dumps(chunk) + b"\n\n" for chunk in chunks]) + DONE


def _pieces(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The `choices[0]` of each chunk. logprobs go with the content that they are about."""
    index, message = choice.get("index", 0), choice.get("message") or {}
    rest = {key: value for key, value in choice.items() if key not in _OF_PIECE}
    for delta in _deltas(message):
        piece = {"index": index, "delta": delta, "finish_reason": None}
        if delta.get("content") and "logprobs" in rest:
            piece["logprobs"] = rest.pop("logprobs")
        yield piece
    yield {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason")} | rest


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {key: "" if key == "content" and isinstance(value, str) else value for key, value in _whole(message)}
    for key in _TEXTS:
        value = message.get(key)
        if isinstance(value, str) and value:
            yield {key: value}
        elif key == "reasoning" and _is_blocks(value):
            yield from ({key: ({"index": block} if block else {}) | item} for block, item in enumerate(value))
    if _is_calls(calls := message.get("tool_calls")):
        for position, call in enumerate(calls):
            yield from _call(position, call)


def _whole(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the role chunk carries as it is: all that is not said in pieces of its own."""
    for key, value in message.items():
        text = key in _TEXTS and isinstance(value, str) and value and key != "content"
        blocks = key == "reasoning" and _is_blocks(value)
        calls = key == "tool_calls" and _is_calls(value)
        if not (text or blocks or calls):
            yield key, value


def _is_blocks(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """The `reasoning` list in our own form; any other list goes out as it is."""
    forms = ({"id", "content"}, {"id", "redacted"})
    return (
        isinstance(value, list) and bool(value) and all(type(item) is dict and item.keys() in forms for item in value)
    )


def _is_calls(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(type(item) is dict for item in value)


def _call(position: int, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Id, type and name first, then the arguments."""
    function = call.get("function")
    if type(function) is not dict or not isinstance(function.get("arguments"), str):
        yield {"tool_calls": [{**call, "index": position}]}
        return
    yield {"tool_calls": [{**call, "index": position, "function": function | {"arguments": ""}}]}
    if function["arguments"]:
        yield {"tool_calls": [{"index": position, "function": {"arguments": function["arguments"]}}]}
