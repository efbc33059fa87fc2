"""An OpenAI chat request read into the neutral chat. The body has passed proxy_api.shape, so its types are right.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import ChatRequest, Opaque, ResponseFormat, Tool, ToolChoice
from proxy_api.dialects.openai_chat.messages_in import read_messages
from proxy_api.errors import BadRequest

KNOBS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "moderation",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_budget",
        "reasoning_effort",
        "reasoning_enabled",
        "safety_identifier",
        "service_tier",
        "store",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_TOOL = frozenset({"type", "function", "cache_control"})
_FUNCTION = frozenset({"name", "description", "parameters", "strict", "cache_control"})
_FIELDS = frozenset(
    {
        "function_call",
        "functions",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)


def read_request(body: dict[str, Any]) -> ChatRequest:
    """null is the same as absent. Tools that are no functions are kept apart: only the provider that they are meant for
    can take them."""
    said = {key: value for key, value in body.items() if value is not None}
    legacy = "functions" in said and "tools" not in said
    return ChatRequest(
        model=said["model"],
        messages=read_messages(said["messages"]),
        tools=_functions(said["functions"]) if legacy else tuple(_tools(said.get("tools", []))),
        native_tools=() if legacy else tuple(_native_tools(said.get("tools", []))),
        tool_choice=_function_call(said.get("function_call")) if legacy else _tool_choice(said.get("tool_choice")),
        parallel_tool_calls=said.get("parallel_tool_calls"),
        response_format=_response_format(said.get("response_format")),
        max_tokens=max(_limits(said), default=None),
        temperature=said.get("temperature"),
        top_p=said.get("top_p"),
        top_k=said.get("top_k"),
        stop=_stop(said.get("stop", ())),
        n=said.get("n"),
        seed=said.get("seed"),
        stream=said.get("stream", False),
        include_usage=bool((said.get("stream_options") or {}).get("include_usage")),
        knobs={key: value for key, value in said.items() if key in KNOBS},
        extra={key: value for key, value in said.items() if key not in KNOBS and key not in _FIELDS},
        legacy_functions=legacy,
    )


def _limits(said: dict[str, Any]) -> Iterator[int]:
    """Raises BadRequest for -1, which means none at hosts of OpenAI's language alone."""
    for name in ("max_tokens", "max_completion_tokens"):
        if name in said:
            if said[name] < 1:
                raise BadRequest("This provider has no -1: leave the limit out", param=name, code="unsupported_value")
            yield said[name]


def _stop(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _tools(said: list[Any]) -> Iterator[Tool]:
    for tool in said:
        if "function" in tool:
            beside = {name: value for name, value in tool.items() if name not in _TOOL}
            function = beside | tool["function"]
            yield _function(function, tool.get("cache_control") or function.get("cache_control"))


def _native_tools(said: list[Any]) -> Iterator[tuple[int, Opaque]]:
    for index, tool in enumerate(said):
        if "function" not in tool:
            yield index, Opaque("openai_chat", tool)


def _functions(said: list[Any]) -> tuple[Tool, ...]:
    return tuple(_function(function, function.get("cache_control")) for function in said)


def _function(said: dict[str, Any], cache_control: Any) -> Tool:
    return Tool(
        name=said["name"],
        description=said.get("description"),
        parameters=said.get("parameters"),
        strict=said.get("strict"),
        cache_control=cache_control,
        extra={name: value for name, value in said.items() if name not in _FUNCTION and value is not None},
    )


def _function_call(said: Any) -> ToolChoice | None:
    if isinstance(said, dict):
        return ToolChoice("named", (said["name"],))
    return ToolChoice(said) if said is not None else None


def _tool_choice(said: Any) -> ToolChoice | None:
    match said:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(said)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(tools)}}:
            return ToolChoice(mode, tuple(tool["function"]["name"] for tool in tools if "function" in tool))
        case _:
            raise BadRequest("This provider cannot be told this tool_choice", param="tool_choice")


def _response_format(said: Any) -> ResponseFormat | None:
    match said:
        case {"type": "json_object"}:
            return ResponseFormat("json_object")
        case {"type": "json_schema", "json_schema": dict(form)}:
            return ResponseFormat(
                "json_schema",
                name=form.get("name"),
                description=form.get("description"),
                schema=form.get("schema"),
                strict=form.get("strict"),
            )
        case None | {"type": "text"}:
            return None
        case _:
            raise BadRequest("This provider cannot be told this response_format", param="response_format.type")
