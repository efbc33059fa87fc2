"""The validator of Responses requests that are answered as a chat: what the neutral chat can hold, and no more.

https://developers.openai.com/api/reference/resources/responses/methods/create . Items and tools that are OpenAI's own
are refused by name; turns that it keeps are refused where the request is written (kept_turns).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_api.errors import BadRequest
from proxy_api.shape import FIELDS, FUNCTION_NAME, MAX_TOKENS
from proxy_api.shape_endpoints import checker
from proxy_api.shape_messages import TYPE_NAME, link
from proxy_api.shape_rules import (
    Rule,
    a_dict,
    either,
    filled,
    flag,
    integer,
    items,
    missing,
    one_of,
    record,
    text,
    wrong_type,
    wrong_value,
)

_TEXT = record({"text": text}, ("text",))
_PARTS: Mapping[str, Rule] = {
    "input_text": _TEXT,
    "output_text": _TEXT,
    "text": _TEXT,
    "refusal": record({"refusal": text}, ("refusal",)),
    "input_image": record({"image_url": link, "detail": one_of("auto", "low", "high", "original")}, ("image_url",)),
    "input_file": record({"file_data": filled, "file_url": link, "file_id": filled, "filename": text}),
}


def _kind(value: Any, param: str, otherwise: str | None = None) -> str:
    """What the `type` of an object says."""
    if type(value) is not dict:
        raise wrong_type(param, "an object", value)
    kind = value.get("type") or otherwise
    if kind is None:
        raise missing(f"{param}.type")
    TYPE_NAME(kind, f"{param}.type")
    return str(kind)


def _part(value: Any, param: str) -> None:
    rule = _PARTS.get(_kind(value, param))
    if rule is None:
        raise unsupported(param, "content")
    rule(value, param)


_CONTENT = either(str, text, items(_part))
_SUMMARY = items(record({"text": text}))
_ITEMS: Mapping[str, Rule] = {
    "message": record(
        {"role": one_of("user", "assistant", "system", "developer"), "content": _CONTENT}, ("role", "content")
    ),
    "function_call": record({"call_id": filled, "name": filled, "arguments": text}, ("call_id", "name", "arguments")),
    "function_call_output": record({"call_id": filled, "output": _CONTENT}, ("call_id", "output")),
    "reasoning": record({"id": text, "summary": _SUMMARY, "content": _SUMMARY, "encrypted_content": text}),
}


def _item(value: Any, param: str) -> None:
    rule = _ITEMS.get(_kind(value, param, "message"))
    if rule is None:
        raise unsupported(param, "items")
    rule(value, param)


def _tool(value: Any, param: str) -> None:
    if _kind(value, param) != "function":
        raise unsupported(param, "tools")
    _FUNCTION(value, param)


def unsupported(param: str, what: str) -> BadRequest:
    message = f"'{param}': the provider of this model has no {what} of this type."
    return BadRequest(message, param=f"{param}.type", code="unsupported_value")


def _input(value: Any, param: str) -> None:
    """A result answers a call before it."""
    if type(value) is str:
        return
    items(_item, low=1)(value, param)
    called: set[str] = set()
    for index, item in enumerate(value):
        if item.get("type") == "function_call":
            called.add(item["call_id"])
        elif item.get("type") == "function_call_output" and item["call_id"] not in called:
            raise wrong_value(f"{param}[{index}].call_id", "no function_call before it has this call_id")


_FUNCTION = record({"name": FUNCTION_NAME, "description": text, "parameters": a_dict, "strict": flag}, ("name",))
_FORMAT = record({"type": filled, "name": text, "description": text, "schema": a_dict, "strict": flag}, ("type",))
_CHOICE = record({"type": filled, "name": text, "mode": text, "tools": items(a_dict)}, ("type",))
_SHARED = (
    *("model", "temperature", "top_p", "top_logprobs", "stream", "parallel_tool_calls", "metadata", "store", "user"),
    *("service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "use_cache"),
)
RESPONSES: Mapping[str, Rule] = {
    **{name: FIELDS[name] for name in _SHARED},
    "input": _input,
    "instructions": text,
    "max_output_tokens": integer(1, MAX_TOKENS),
    "tools": items(_tool),
    "tool_choice": either(str, filled, _CHOICE),
    "text": record({"format": _FORMAT, "verbosity": FIELDS["verbosity"]}),
    "reasoning": record({"effort": FIELDS["reasoning_effort"], "summary": text}),
    "include": items(text),
    "stream_options": a_dict,
    "background": flag,
}
_fields = checker(RESPONSES, "model", "input")
# What is read here of a request that goes on as it came: its provider judges the rest.
_READ_HERE: Mapping[str, Rule] = {
    "model": FIELDS["model"],
    "stream": flag,
    "stream_options": a_dict,
    "metadata": a_dict,
    "user": text,
}


def check_responses(value: dict[str, Any]) -> None:
    """As shape.check_chat."""
    _fields(value)
    for name in ("background", "prompt"):
        if value.get(name):
            message = f"The provider of this model has no '{name}'."
            raise BadRequest(message, param=name, code="unsupported_parameter")


def check_as_it_comes(value: dict[str, Any]) -> None:
    """As shape.check_chat, for a request that a provider of Responses gets."""
    for name, rule in _READ_HERE.items():
        if value.get(name) is not None:
            rule(value[name], name)
