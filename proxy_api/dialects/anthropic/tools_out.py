"""Tools, tool choice and answer formats written for Anthropic.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat, Tool, ToolChoice
from proxy_api.dialects.anthropic.native import TOOL_FIELDS, is_tool
from proxy_api.dialects.asked import answer_tool
from proxy_api.dialects.functions import object_schema
from proxy_api.dialects.saying import JSON_LINE, known_choice
from proxy_api.errors import BadRequest

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORMAT = "response_format.json_schema.schema"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the tool and format fields come to. forced: the model has no choice but to call a tool, so it cannot think.
    system: a line to add to the system text. format: for output_config."""

    fields: dict[str, Any]
    losses: tuple[Loss, ...] = ()
    forced: bool = False
    system: str | None = None
    format: dict[str, Any] | None = None


def plan_tools(request: ChatRequest, facts: ModelFacts, thinking: bool) -> Plan:
    """thinking: the request asks for it; then JSON without a schema is asked for by a line and not by a forced tool."""
    choice = known_choice(request)
    losses: list[Loss] = []
    tools = _with_natives(request, _tools(request, choice, facts, losses), choice)
    form = request.response_format
    if form is None:
        return _plan(request, tools, choice, losses, facts)
    if form.type == "json_schema" and facts.structured_output:
        plan = _plan(request, tools, choice, losses, facts)
        return Plan(plan.fields, plan.losses + _format_losses(form), plan.forced, None, _format(form))
    if form.type == "json_object" and (tools or thinking or not facts.takes_forced_tools):
        plan = _plan(request, tools, choice, losses, facts)
        said = Loss("response_format", "asked for in the system text")
        return Plan(plan.fields, (*plan.losses, said), plan.forced, JSON_LINE)
    return _answer_by_tool(request, tools, choice, losses)


def _tools(
    request: ChatRequest, choice: ToolChoice | None, facts: ModelFacts, losses: list[Loss]
) -> list[dict[str, Any]]:
    """An allowed_tools choice leaves only the tools that it names."""
    kept = choice.names if choice and choice.mode != "named" else ()
    field = "functions[{}]" if request.legacy_functions else "tools[{}].function"
    taken = {place for place, _ in request.native_tools}
    places = (place for place in range(len(request.tools) + len(taken)) if place not in taken)
    tools = [_tool(tool, field.format(place), facts, losses) for place, tool in zip(places, request.tools, strict=True)]
    return [tool for tool in tools if not kept or tool["name"] in kept]


def _with_natives(request: ChatRequest, tools: list[dict[str, Any]], choice: ToolChoice | None) -> list[dict[str, Any]]:
    """Tools that run at Anthropic, as they are and where they stood: a cache mark counts all tools before it."""
    kept = choice.names if choice and choice.mode != "named" else ()
    for place, tool in request.native_tools:
        if not is_tool(tool):
            raise BadRequest(
                f"This provider has no tools of type {tool.data.get('type')!r}",
                param=f"tools[{place}].type",
                code="unsupported_value",
            )
        if not kept or tool.data.get("name") in kept:
            tools.insert(place, dict(tool.data))
    return tools


def _tool(tool: Tool, where: str, facts: ModelFacts, losses: list[Loss]) -> dict[str, Any]:
    if not _NAME.fullmatch(tool.name):
        raise BadRequest("Tool names have 1 to 64 letters, digits, _ or -", param=f"{where}.name")
    strict = tool.strict
    if strict and not facts.structured_output:
        losses.append(Loss(f"{where}.strict", "the model has no strict tools"))
        strict = None
    fields = {
        "name": tool.name,
        "description": tool.description or None,
        "input_schema": object_schema(tool.parameters),
        "strict": strict or None,
        "cache_control": tool.cache_control,
        **{name: tool.extra.get(name) for name in TOOL_FIELDS},
    }
    losses.extend(Loss(f"{where}.{name}", "unknown to Anthropic") for name in tool.extra if name not in TOOL_FIELDS)
    return {name: value for name, value in fields.items() if value is not None}


def _plan(
    request: ChatRequest,
    tools: list[dict[str, Any]],
    choice: ToolChoice | None,
    losses: list[Loss],
    facts: ModelFacts,
) -> Plan:
    if not tools:
        return Plan({}, tuple(losses))
    said = _choice(choice)
    if said and said["type"] in ("any", "tool") and not facts.takes_forced_tools:
        losses.append(Loss("tool_choice", "the model cannot be forced to call a tool"))
        said = {"type": "auto"}
    said = _one_at_a_time(request, said)
    forced = bool(said) and said["type"] in ("any", "tool")
    return Plan({"tools": tools} | ({"tool_choice": said} if said else {}), tuple(losses), forced)


def _choice(choice: ToolChoice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if choice.mode == "named":
        return {"type": "tool", "name": choice.names[0]}
    return {"type": {"auto": "auto", "required": "any", "none": "none"}[choice.mode]}


def _one_at_a_time(request: ChatRequest, said: dict[str, Any]) -> dict[str, Any]:
    """Legacy function_call has room for one call only."""
    single = request.parallel_tool_calls is False or request.legacy_functions
    if not single or said.get("type") == "none":
        return said
    return (said or {"type": "auto"}) | {"disable_parallel_tool_use": True}


def _answer_by_tool(
    request: ChatRequest, tools: list[dict[str, Any]], choice: ToolChoice | None, losses: list[Loss]
) -> Plan:
    """The schema as a tool that must be called; with the client's own tools beside it, any of them."""
    form, name = request.response_format, answer_tool(request)
    assert form is not None
    tool = {
        "name": name,
        "description": form.description or "Gives the answer as JSON.",
        "input_schema": object_schema(form.schema),
    }
    mine = tools if choice is None or choice.mode != "none" else []
    said = {"type": "any"} if mine else {"type": "tool", "name": name}
    if choice is not None and choice.mode == "named":
        said = _choice(choice)
    losses.append(Loss("response_format", "answered through a forced tool"))
    fields = {"tools": [*mine, tool], "tool_choice": _one_at_a_time(request, said)}
    return Plan(fields, tuple(losses), forced=True)


def _format(form: ResponseFormat) -> dict[str, Any]:
    schema, _ = closed(form.schema or {"type": "object"})
    if form.description and "description" not in schema:
        schema = schema | {"description": form.description}
    return {"type": "json_schema", "schema": schema}


def _format_losses(form: ResponseFormat) -> tuple[Loss, ...]:
    _, changed = closed(form.schema or {"type": "object"})
    return (Loss(_FORMAT, "additionalProperties set to false"),) if changed else ()


def closed(schema: Any) -> tuple[Any, bool]:
    """Anthropic refuses objects that do not say additionalProperties: false. Says whether one had to be told so."""
    if isinstance(schema, list):
        done = [closed(item) for item in schema]
        return [item for item, _ in done], any(changed for _, changed in done)
    if not isinstance(schema, dict):
        return schema, False
    inner = {
        key: closed(value) if key not in ("enum", "const", "default", "examples") else (value, False)
        for key, value in schema.items()
    }
    said = {key: value for key, (value, _) in inner.items()}
    open_object = schema.get("type") == "object" and "additionalProperties" not in schema
    changed = open_object or any(changed for _, changed in inner.values())
    return said | ({"additionalProperties": False} if open_object else {}), changed
