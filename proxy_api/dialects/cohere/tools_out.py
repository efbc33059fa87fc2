"""Tools, tool choice and answer formats written for Cohere.

https://docs.cohere.com/reference/chat : a choice is REQUIRED, NONE or not said; strictness is for all tools or none; a
response format is not taken beside tools. https://docs.cohere.com/docs/structured-outputs
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat, Tool
from proxy_api.dialects.asked import answer_tool
from proxy_api.dialects.functions import write_tool
from proxy_api.dialects.saying import JSON_LINE, chosen, described

_WORDS = {"required": "REQUIRED", "named": "REQUIRED", "none": "NONE"}


def plan_tools(request: ChatRequest, facts: ModelFacts, losses: list[Loss]) -> tuple[dict[str, Any], str | None]:
    """The fields, and a line for the system text where JSON has to be asked for in words."""
    left = _left(chosen(request))
    form = request.response_format
    if form is None or not left.tools or facts.json_beside_tools:
        return _fields(left, losses) | ({"response_format": _format(form)} if form else {}), None
    if left.tool_choice is not None and left.tool_choice.mode == "none":
        return {"response_format": _format(form)}, None  # tools that may not be called would forbid the format
    if left.tool_choice is not None and left.tool_choice.mode == "named":
        losses.append(Loss("response_format", "a forced tool call leaves no room for it"))
        return _fields(left, losses), None
    if form.type == "json_object":
        losses.append(Loss("response_format", "asked for in the system text"))
        return _fields(left, losses), JSON_LINE
    losses.append(Loss("response_format", "answered through a forced tool"))
    return _fields(_with_answer(left, form), losses) | {"tool_choice": "REQUIRED"}, None


def _left(request: ChatRequest) -> ChatRequest:
    """A named tool is forced by being the only one."""
    choice = request.tool_choice
    if choice is None or choice.mode != "named":
        return request
    return replace(request, tools=tuple(tool for tool in request.tools if tool.name in choice.names))


def _with_answer(request: ChatRequest, form: ResponseFormat) -> ChatRequest:
    """The schema as a tool whose arguments are the answer."""
    name, told = answer_tool(request) or "json", form.description or "Gives the answer as JSON."
    strict = True if all(tool.strict for tool in request.tools) else None
    return replace(request, tools=(*request.tools, Tool(name, told, form.schema, strict)))


def _fields(request: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    if not request.tools:
        return {}
    if request.parallel_tool_calls is False:
        losses.append(Loss("parallel_tool_calls", "Cohere has no such switch"))
    fields: dict[str, Any] = {"tools": [write_tool(tool) for tool in request.tools]}
    if all(tool.strict for tool in request.tools):
        fields["strict_tools"] = True
    else:
        field = "functions[{}]" if request.legacy_functions else "tools[{}].function"
        losses += [
            Loss(f"{field.format(index)}.strict", "Cohere is strict with all tools or with none")
            for index, tool in enumerate(request.tools)
            if tool.strict
        ]
    word = _WORDS.get(request.tool_choice.mode) if request.tool_choice else None
    return fields | ({"tool_choice": word} if word else {})


def _format(form: ResponseFormat) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "json_object"}
    return said | ({"json_schema": described(form)} if form.type == "json_schema" and form.schema else {})
