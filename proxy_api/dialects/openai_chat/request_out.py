"""The neutral chat written as an OpenAI chat request: everything that it knows can be said, so nothing is lost."""

from __future__ import annotations

from typing import Any

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Loss, Opaque, ResponseFormat, Tool, ToolChoice
from proxy_api.dialects.openai_chat.messages_out import write_messages
from proxy_api.errors import BadRequest


def write_request(request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Unknown fields go along only in the language that they came in."""
    body: dict[str, Any] = {"model": request.model, "messages": write_messages(request.messages)}
    body.update(_given(request))
    body.update(_tool_fields(request))
    if request.stream:
        body["stream"] = True
    if request.include_usage:
        body["stream_options"] = {"include_usage": True}
    body.update(request.knobs)
    if request.dialect == "openai_chat":
        return body | dict(request.extra), ()
    return body, tuple(Loss(name, "unknown to OpenAI chat") for name in request.extra)


def _given(request: ChatRequest) -> dict[str, Any]:
    fields = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "n": request.n,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": _response_format(request.response_format),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tool_fields(request: ChatRequest) -> dict[str, Any]:
    choice = request.tool_choice
    if request.legacy_functions:
        said = None if choice is None else {"name": choice.names[0]} if choice.mode == "named" else choice.mode
        return {"functions": [_function(tool) for tool in request.tools]} | ({"function_call": said} if said else {})
    tools = [_tool(tool) for tool in request.tools]
    for place, tool in request.native_tools:
        tools.insert(place, native_tool(tool, place))
    fields: dict[str, Any] = {"tools": tools} if tools else {}
    return fields | ({"tool_choice": _tool_choice(choice)} if choice else {})


def _tool(tool: Tool) -> dict[str, Any]:
    said = {"type": "function", "function": _function(tool)}
    cache_control = said["function"].pop("cache_control", None)  # type: ignore[attr-defined]
    return said | ({"cache_control": cache_control} if cache_control is not None else {})


def native_tool(tool: Opaque, place: int) -> dict[str, Any]:
    """A tool that is no function, in the language that it came in. Raises BadRequest where that is another one."""
    if tool.dialect != "openai_chat":
        raise BadRequest(
            f"Tools of type {tool.data.get('type')!r} run at another provider",
            param=f"tools[{place}].type",
            code="unsupported_value",
        )
    return dict(tool.data)


def _function(tool: Tool) -> dict[str, Any]:
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
        "cache_control": tool.cache_control,
        **tool.extra,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tool_choice(choice: ToolChoice) -> Any:
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.names[0]}}
    if not choice.names:
        return choice.mode
    tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}


def _response_format(form: ResponseFormat | None) -> dict[str, Any] | None:
    if form is None or form.type == "json_object":
        return {"type": "json_object"} if form else None
    fields = {
        "name": form.name or "response",  # OpenAI insists on one, Anthropic has none
        "description": form.description,
        "schema": form.schema,
        "strict": form.strict,
    }
    return {"type": "json_schema", "json_schema": {key: value for key, value in fields.items() if value is not None}}
