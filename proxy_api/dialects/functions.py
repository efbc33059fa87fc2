"""Function tools and their calls in OpenAI's form, which Mistral, Cohere and Ollama took over.

https://platform.openai.com/docs/guides/function-calling
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson

from proxy_api.chat import Tool, ToolCall
from proxy_api.dialects.saying import given
from proxy_api.errors import BadRequest, UpstreamError

_LONG_INTEGER = re.compile(rb"[0-9]{19}")


def write_tool(tool: Tool, *, strict: bool = False) -> dict[str, Any]:
    """strict: the language has the word. Parameters are never left out: these providers insist on them."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        "strict": tool.strict if strict else None,
    }
    return {"type": "function", "function": given(function)}


def object_schema(schema: Any) -> dict[str, Any]:
    """Parameters for a language that insists on an object."""
    if not schema:
        return {"type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object", **schema}


def read_tools(said: Iterable[Any]) -> tuple[Tool, ...]:
    return tuple(_tool(tool["function"]) for tool in said)


def _tool(said: dict[str, Any]) -> Tool:
    return Tool(said["name"], said.get("description"), said.get("parameters"), said.get("strict"))


def read_call(said: dict[str, Any]) -> ToolCall:
    """Without an id it is found by its name, as OpenAI's legacy function calls are."""
    function = said["function"]
    return ToolCall(said.get("id") or "", function["name"], arguments_text(function.get("arguments")))


def write_call(call: ToolCall, call_id: str, where: str) -> dict[str, Any]:
    """Arguments as the text that the model wrote; none is {}. Raises BadRequest for anything but a JSON object."""
    arguments_of(call, where)
    function = {"name": call.name, "arguments": call.arguments if call.arguments.strip() else "{}"}
    return {"id": call_id, "type": "function", "function": function}


def arguments_of(call: ToolCall, where: str) -> dict[str, Any]:
    """Nothing is {}: clients send "" for tools without parameters. The stdlib's parser keeps integers of any size."""
    try:
        said = json.loads(call.arguments, parse_constant=_no_number) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        suffix = ".arguments" if where.endswith("function_call") else ".function.arguments"
        raise BadRequest("The arguments of a tool call must be a JSON object", param=where + suffix)
    return said


def _no_number(said: str) -> Any:
    raise ValueError(f"{said} is no JSON")


def arguments_text(said: Any) -> str:
    """A provider's arguments, text or object, as JSON text. The stdlib's writer knows integers of any size."""
    if isinstance(said, str):
        return said or "{}"
    return json.dumps(said or {}, separators=(",", ":"), ensure_ascii=False)


def text_in(said: Any) -> str:
    """A provider's text, nothing is "". Raises TypeError, as an understood() tells it, for anything else."""
    if said is not None and not isinstance(said, str):
        raise TypeError(f"{type(said).__name__} is no text")
    return said or ""


def parsed(data: bytes) -> dict[str, Any]:
    """One stream event as a JSON object, integers beyond 64 bits kept. Raises UpstreamError for anything else."""
    try:
        event = json.loads(data) if _LONG_INTEGER.search(data) else orjson.loads(data)
    except (ValueError, RecursionError):
        raise UpstreamError("The provider sent an event that is no JSON") from None
    if type(event) is not dict:
        raise UpstreamError("The provider sent an event that is no JSON object")
    return event
