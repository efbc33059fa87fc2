"""A Responses request read into the neutral chat.

https://developers.openai.com/api/reference/resources/responses/methods/create
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import ChatRequest, Message, ResponseFormat, Text, Tool, ToolChoice
from proxy_api.dialects.openai_responses.items_in import read_input
from proxy_api.dialects.openai_responses.request_out import SAME
from proxy_api.dialects.openai_responses.response import NAME
from proxy_api.dialects.openai_responses.tuning_out import ENCRYPTED, LOGPROBS
from proxy_api.errors import BadRequest

_FIELDS = frozenset(
    {
        *SAME,
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "store",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
    }
)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent. Raises BadRequest for tools that run at OpenAI."""
    said = {key: value for key, value in body.items() if value is not None}
    system = (Message("system", (Text(said["instructions"]),)),) if said.get("instructions") else ()
    return ChatRequest(
        model=said["model"],
        messages=(*system, *read_input(said.get("input", []))),
        tools=tuple(_tool(tool, index) for index, tool in enumerate(said.get("tools", ()))),
        tool_choice=_tool_choice(said.get("tool_choice")),
        parallel_tool_calls=said.get("parallel_tool_calls"),
        response_format=_response_format((said.get("text") or {}).get("format")),
        max_tokens=said.get("max_output_tokens"),
        temperature=said.get("temperature"),
        top_p=said.get("top_p"),
        stream=said.get("stream", False),
        include_usage=said.get("stream", False),  # a Responses stream always tells its usage
        knobs=dict(_knobs(said)),
        extra=dict(_extra(said)),
        dialect=NAME,
    )


def _tool(said: dict[str, Any], index: int) -> Tool:
    if said.get("type") != "function":
        raise BadRequest(
            f"This provider has only function tools, not {said.get('type')!r}",
            param=f"tools[{index}].type",
            code="unsupported_value",
        )
    return Tool(said["name"], said.get("description"), said.get("parameters"), said.get("strict"))


def _tool_choice(said: Any) -> ToolChoice | None:
    match said:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(said)
        case {"type": "function", "name": str(name)}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(tools)}:
            return ToolChoice(mode, tuple(tool["name"] for tool in tools if "name" in tool))
        case _:
            raise BadRequest("This provider cannot be told this tool_choice", param="tool_choice")


def _response_format(said: Any) -> ResponseFormat | None:
    match said:
        case {"type": "json_object"}:
            return ResponseFormat("json_object")
        case {"type": "json_schema"}:
            fields = [said.get(name) for name in ("name", "description", "schema", "strict")]
            return ResponseFormat("json_schema", *fields)
        case None | {"type": "text"}:
            return None
        case _:
            raise BadRequest("This provider cannot be told this format", param="text.format.type")


def _knobs(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, said[name]) for name in SAME if name in said)
    if said.get("store"):
        yield "store", True
    if effort := (said.get("reasoning") or {}).get("effort"):
        yield "reasoning_effort", effort
    if verbosity := (said.get("text") or {}).get("verbosity"):
        yield "verbosity", verbosity
    if LOGPROBS in said.get("include", ()) or "top_logprobs" in said:
        yield "logprobs", True
    if "top_logprobs" in said:
        yield "top_logprobs", said["top_logprobs"]


def _extra(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What has no neutral word; of `include` and `reasoning` the rest that has none."""
    yield from ((key, value) for key, value in said.items() if key not in _FIELDS)
    if rest := [name for name in said.get("include", ()) if name not in (ENCRYPTED, LOGPROBS)]:
        yield "include", rest
    if reasoning := {key: value for key, value in (said.get("reasoning") or {}).items() if key != "effort"}:
        yield "reasoning", reasoning
