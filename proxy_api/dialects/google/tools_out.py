"""Tools, tool choice and answer formats written for Gemini.

https://ai.google.dev/api/caching#Tool (functionDeclarations), https://ai.google.dev/api/caching#ToolConfig
https://ai.google.dev/gemini-api/docs/structured-output (responseJsonSchema)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, ResponseFormat, Tool, ToolChoice
from proxy_api.dialects.names import spellings
from proxy_api.dialects.saying import JSON_LINE, described, known_choice

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


@dataclass(slots=True)
class Plan:
    """fields: of the body; config: of generationConfig; system: a line to add to the system text."""

    fields: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    system: str | None = None
    losses: list[Loss] = field(default_factory=list)


def spelled_anew(request: ChatRequest) -> Mapping[str, str]:
    """The client's function names that Gemini refuses -> what it is told instead."""
    return {name: ours for name, ours in spellings(request).items() if not _NAME.fullmatch(name)}


def plan_tools(request: ChatRequest, facts: ModelFacts, spelled: Mapping[str, str]) -> Plan:
    plan = Plan()
    choice = known_choice(request)
    _declare(plan, request, choice, spelled)
    if request.response_format is not None:
        _answer_in_json(plan, request.response_format, facts)
    if request.tools and request.parallel_tool_calls is False:
        plan.losses.append(Loss("parallel_tool_calls", "Gemini cannot be held to one call"))
    return plan


def _declare(plan: Plan, request: ChatRequest, choice: ToolChoice | None, spelled: Mapping[str, str]) -> None:
    """Gemini takes a list of allowed names only where it must call one; else the other tools are left out."""
    kept = choice.names if choice and choice.mode == "auto" else ()
    where = "functions[{}]" if request.legacy_functions else "tools[{}].function"
    for index, tool in enumerate(request.tools):
        _note_losses(plan, tool, where.format(index))
    tools = [_declaration(tool, spelled) for tool in request.tools if not kept or tool.name in kept]
    if not tools:
        return
    plan.fields["tools"] = [{"functionDeclarations": tools}]
    if choice is not None:
        plan.fields["toolConfig"] = {"functionCallingConfig": _calling(choice, spelled)}


def _note_losses(plan: Plan, tool: Tool, where: str) -> None:
    if tool.strict:
        plan.losses.append(Loss(f"{where}.strict", "Gemini has no strict tools"))
    if tool.cache_control is not None:
        plan.losses.append(Loss(f"{where.removesuffix('.function')}.cache_control", "Gemini caches without marks"))


def _declaration(tool: Tool, spelled: Mapping[str, str]) -> dict[str, Any]:
    fields = {
        "name": spelled.get(tool.name, tool.name),
        "description": tool.description or None,
        "parametersJsonSchema": tool.parameters or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _calling(choice: ToolChoice, spelled: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.names and choice.mode in ("required", "named"):
        said["allowedFunctionNames"] = [spelled.get(name, name) for name in choice.names]
    return said


def _answer_in_json(plan: Plan, form: ResponseFormat, facts: ModelFacts) -> None:
    """Models before Gemini 3 refuse it beside tools: they are asked in words."""
    if "tools" in plan.fields and facts.structured_output and not facts.json_beside_tools:
        plan.system = JSON_LINE if form.schema is None else f"{JSON_LINE} Its JSON Schema: {json.dumps(form.schema)}"
        plan.losses.append(Loss("response_format", "asked for in the system text"))
        return
    plan.config["responseMimeType"] = "application/json"
    if form.type == "json_schema" and form.schema is not None:
        plan.config["responseJsonSchema"] = described(form)
