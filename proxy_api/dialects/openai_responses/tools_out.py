"""Tools, tool choice and answer format: OpenAI chat's, one level flatter.

https://developers.openai.com/api/docs/guides/migrate-to-responses
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import ChatRequest, Loss, ResponseFormat, Tool, ToolChoice
from proxy_api.dialects.saying import given


def tool_fields(request: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    """tools, tool_choice, parallel_tool_calls. A legacy function_call has room for one call only."""
    field = "functions[{}]" if request.legacy_functions else "tools[{}]"
    for index, tool in enumerate(request.tools):
        if tool.cache_control is not None:
            losses.append(Loss(f"{field.format(index)}.cache_control", "OpenAI caches without marks"))
    tools = [*map(_tool, request.tools), *_web_search(request.knobs.get("web_search_options"))]
    parallel = False if request.legacy_functions else request.parallel_tool_calls
    choice = _choice(request.tool_choice) if request.tool_choice else None
    return given({"tools": tools or None, "tool_choice": choice, "parallel_tool_calls": parallel})


def _tool(tool: Tool) -> dict[str, Any]:
    """strict is told in any case: Responses takes it for true where it is not said, OpenAI chat for false."""
    empty = {"type": "object", "properties": {}}
    fields = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": empty if tool.parameters is None else tool.parameters,
        "strict": bool(tool.strict),
    }
    return given(fields)


def _web_search(options: Any) -> Iterator[dict[str, Any]]:
    """web_search_options of chat is a tool here: https://developers.openai.com/api/docs/guides/tools-web-search"""
    if not isinstance(options, dict):
        return
    said = {"type": "web_search", "search_context_size": options.get("search_context_size")}
    place = (options.get("user_location") or {}).get("approximate")
    if place:
        said["user_location"] = {"type": "approximate", **place}
    yield given(said)


def _choice(choice: ToolChoice) -> Any:
    if choice.mode == "named":
        return {"type": "function", "name": choice.names[0]}
    if not choice.names:
        return choice.mode
    tools = [{"type": "function", "name": name} for name in choice.names]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}


def text_fields(request: ChatRequest) -> dict[str, Any]:
    said = given({"format": _format(request.response_format), "verbosity": request.knobs.get("verbosity")})
    return {"text": said} if said else {}


def _format(form: ResponseFormat | None) -> dict[str, Any] | None:
    if form is None or form.type == "json_object":
        return {"type": "json_object"} if form else None
    fields = {
        "type": "json_schema",
        "name": form.name or "response",  # OpenAI insists on one, Anthropic has none
        "description": form.description,
        "schema": {"type": "object"} if form.schema is None else form.schema,
        "strict": form.strict,
    }
    return given(fields)
