"""Tools, tool choice and answer formats written for Converse.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
Bedrock refuses a history with calls or results where the request has no tools: then they are declared from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat, Tool, ToolCall, ToolChoice
from proxy_api.dialects.anthropic.tools_out import closed
from proxy_api.dialects.asked import answer_tool
from proxy_api.dialects.bedrock_converse.hosted import Hosted
from proxy_api.dialects.bedrock_converse.messages_out import cache_point
from proxy_api.dialects.functions import object_schema
from proxy_api.dialects.saying import JSON_LINE, known_choice
from proxy_api.errors import BadRequest

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORMAT = "response_format"
Block = dict[str, Any]


@dataclass(slots=True)
class Plan:
    """What the tool and format fields come to. forced: the model must call a tool, so Claude cannot think.
    system: a line to add to the system text."""

    fields: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    forced: bool = False
    system: str | None = None

    def lose(self, param: str, reason: str) -> None:
        self.losses.append(Loss(param, reason))


@dataclass(frozen=True, slots=True)
class Able:
    """What the model can do with tools: the family's data and the model's own facts in one."""

    hosted: Hosted
    facts: ModelFacts

    @property
    def structured(self) -> bool:
        known = self.hosted.structured
        return self.facts.structured_output if known is None else known

    @property
    def forced(self) -> tuple[str, ...]:
        return self.hosted.forced if self.facts.takes_forced_tools else ()


def plan_tools(request: ChatRequest, able: Able) -> Plan:
    """Raises BadRequest for a tool's name and for a choice that names no tool."""
    plan = Plan()
    choice = known_choice(request)
    tools = _tools(request, choice, able, plan)
    choice = _without_none(request, tools, choice, plan)
    _answer_format(request, able, plan)
    if plan.forced:
        _add_answer_tool(request, tools, plan, choice)
    elif tools:
        said = _choice(choice, able, plan, tools)
        plan.forced = bool(said) and "auto" not in said
        plan.fields["toolConfig"] = {"tools": tools} | ({"toolChoice": said} if said else {})
    return plan


def _tools(request: ChatRequest, choice: ToolChoice | None, able: Able, plan: Plan) -> list[Block]:
    """An allowed_tools choice leaves only the tools that it names."""
    kept = choice.names if choice and choice.mode != "named" else ()
    place = "functions[{}]" if request.legacy_functions else "tools[{}].function"
    blocks: list[Block] = []
    for index, tool in enumerate(request.tools):
        spec = _spec(tool, place.format(index), able, plan)
        if kept and tool.name not in kept:
            continue
        blocks.append(spec)
        if tool.cache_control is not None and able.hosted.tool_marks:
            blocks.append(cache_point(tool.cache_control))
        elif tool.cache_control is not None:
            plan.lose(f"tools[{index}].cache_control", "the model caches no tools")
    return blocks or list(_from_history(request, plan))


def _spec(tool: Tool, where: str, able: Able, plan: Plan) -> Block:
    """A description may not be empty: then there is none."""
    if not _NAME.fullmatch(tool.name):
        raise BadRequest("Tool names have 1 to 64 letters, digits, _ or -", param=f"{where}.name")
    spec: Block = {"name": tool.name, "inputSchema": {"json": object_schema(tool.parameters)}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict and able.structured:
        spec["strict"] = True
    elif tool.strict:
        plan.lose(f"{where}.strict", "the model has no strict tools")
    return {"toolSpec": spec}


def _from_history(request: ChatRequest, plan: Plan) -> Iterator[Block]:
    names = dict.fromkeys(
        part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall)
    )
    if names:
        plan.lose("tools", "declared as the history has calls")
    for name in names:
        yield {"toolSpec": {"name": name, "inputSchema": {"json": object_schema(None)}}}


def _without_none(request: ChatRequest, tools: list[Block], choice: ToolChoice | None, plan: Plan) -> ToolChoice | None:
    """Converse has no `none`: without tools the model calls none. A history with calls needs them, though."""
    if choice is None or choice.mode != "none":
        return choice
    if any(isinstance(part, ToolCall) for message in request.messages for part in message.parts):
        plan.lose("tool_choice", "the tools stay as the history has calls, so the model may call one")
    else:
        tools.clear()
    return None


def _choice(choice: ToolChoice | None, able: Able, plan: Plan, tools: list[Block]) -> Block:
    """A model that can be forced to call some tool, but no certain one, gets that one alone."""
    if choice is None:
        return {}
    if choice.mode == "auto":
        return {"auto": {}} if able.forced else {}
    if not able.forced:
        plan.lose("tool_choice", "the model cannot be forced to call a tool")
        return {}
    if choice.mode == "required":
        return {"any": {}}
    if "tool" in able.forced:
        return {"tool": {"name": choice.names[0]}}
    plan.lose("tool_choice", "said by leaving the other tools out")
    tools[:] = [tool for tool in tools if tool.get("toolSpec", {}).get("name") == choice.names[0]]
    return {"any": {}}


def _answer_format(request: ChatRequest, able: Able, plan: Plan) -> None:
    form = request.response_format
    if form is None:
        return
    if form.type == "json_schema" and able.structured:
        plan.fields["outputConfig"] = {"textFormat": _text_format(form, plan)}
    elif form.type == "json_schema" and able.forced:
        plan.forced = True
        plan.lose(_FORMAT, "answered through a forced tool")
    else:
        told = f" It must follow this JSON Schema: {_dumps(form.schema)}" if form.schema else ""
        plan.system = JSON_LINE + told
        plan.lose(_FORMAT, "asked for in the system text")


def _text_format(form: ResponseFormat, plan: Plan) -> Block:
    """The schema goes as JSON text, its keys in the client's order; every object must be closed."""
    schema, changed = closed(form.schema or {"type": "object"})
    if changed:
        plan.lose("response_format.json_schema.schema", "additionalProperties set to false")
    said = {"schema": _dumps(schema), "name": form.name, "description": form.description or None}
    told = {name: value for name, value in said.items() if value is not None}
    return {"type": "json_schema", "structure": {"jsonSchema": told}}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _add_answer_tool(request: ChatRequest, tools: list[Block], plan: Plan, choice: ToolChoice | None) -> None:
    """The schema as a tool that must be called; with the client's own tools beside it, any of them."""
    form, name = request.response_format, answer_tool(request)
    assert form is not None
    spec = {
        "name": name,
        "description": form.description or "Gives the answer as JSON.",
        "inputSchema": {"json": object_schema(form.schema)},
    }
    said: Block = {"any": {}}
    if choice is not None and choice.mode == "named":
        said = {"tool": {"name": choice.names[0]}}
    plan.fields["toolConfig"] = {"tools": [*tools, {"toolSpec": spec}], "toolChoice": said}
