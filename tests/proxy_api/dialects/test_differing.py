"""That whatever is taken from a request is noticed: the properties of every pair of languages stand on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy_api.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tests.proxy_api.dialects.differing import differing, kind, uncovered

MARK = {"type": "ephemeral"}
TALK = (
    Message("system", (Text("Be brief."),)),
    Message(
        "user", (Text("Hi", MARK), Image("image/png", "AAAA", detail="low"), File(data="BBBB", filename="a")), "Ada"
    ),
    Message("assistant", (Reasoning("Hm.", "sig"), Text("Look:"), ToolCall("c", "f", '{"x":1}'))),
    Message("tool", (ToolResult("c", (Text("no"),), is_error=True),)),
    Message("developer", (Text("Be kind."),)),
    Message("user", (Text("So?"),)),
)
TOOLS = (Tool("f", "Finds.", {"type": "object"}, True, MARK, {"x": 1}), Tool("g"))
FORM = ResponseFormat("json_schema", "a", "A pet.", {"type": "object"})
ASKED = ChatRequest(
    "m",
    TALK,
    tools=TOOLS,
    tool_choice=ToolChoice("required"),
    parallel_tool_calls=False,
    response_format=FORM,
    max_tokens=9,
    temperature=0,
    top_p=0.5,
    top_k=1,
    stop=("x",),
    n=2,
    seed=3,
    stream=True,
    knobs={"user": "u", "metadata": {"a": "b"}, "reasoning_effort": "high"},
    extra={"x_new": 1},
)


def talk(place: int, *parts: Any) -> dict[str, Any]:
    """The talk with other parts in one message."""
    message = replace(TALK[place], parts=parts)
    return {"messages": (*TALK[:place], message, *TALK[place + 1 :])}


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": (replace(TOOLS[0], **fields), TOOLS[1])}


PICTURE, FILE, CALL = TALK[1].parts[1], TALK[1].parts[2], TALK[2].parts[2]
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": 8}, "max_tokens"),
    ({"temperature": None}, "temperature"),
    ({"top_p": 1}, "top_p"),
    ({"top_k": None}, "top_k"),
    ({"stop": ()}, "stop"),
    ({"n": 1}, "n"),
    ({"seed": None}, "seed"),
    ({"stream": False}, "stream"),
    ({"extra": {}}, "x_new"),
    ({"parallel_tool_calls": None}, "parallel_tool_calls"),
    ({"tool_choice": None}, "tool_choice"),
    ({"knobs": {"metadata": {"a": "b"}, "reasoning_effort": "high"}}, "user"),
    ({"knobs": {"user": "u", "reasoning_effort": "high"}}, "metadata"),
    ({"knobs": {"user": "u", "metadata": {"a": "b"}}}, "reasoning_effort"),
    ({"knobs": {"user": "u", "metadata": {"a": "b"}, "reasoning_enabled": False}}, "reasoning_effort"),
    ({"response_format": None}, "response_format"),
    ({"response_format": replace(FORM, schema={})}, "response_format.json_schema.schema"),
    ({"response_format": replace(FORM, description=None)}, "response_format.json_schema.description"),
    ({"tools": TOOLS[:1]}, "tools[1]"),
    ({"tools": (*TOOLS, Tool("h"))}, "tools"),
    (tool(description=None), "tools[0].function.description"),
    (tool(parameters=None), "tools[0].function.parameters"),
    (tool(strict=None), "tools[0].function.strict"),
    (tool(cache_control=None), "tools[0].cache_control"),
    (tool(extra={}), "tools[0].function.x"),
    (talk(0, Text("Be long.")), "messages.system"),
    ({"messages": (TALK[0], TALK[4], *TALK[1:4], TALK[5])}, "messages[4].role"),
    (talk(1, Text("Hi"), PICTURE, FILE), "messages[1].content[0].cache_control"),
    (talk(1, Text("Ho", MARK), PICTURE, FILE), "messages[1].content[0]"),
    (talk(1, Text("Hi", MARK), Image("image/png", "AAAA"), FILE), "messages[1].content[1].image_url.detail"),
    (talk(1, Text("Hi", MARK), PICTURE, File(data="BBBB")), "messages[1].content[2].file.filename"),
    (talk(1, Text("Hi", MARK), FILE, PICTURE), "messages[1].content[1]"),
    ({"messages": (TALK[0], replace(TALK[1], name=None), *TALK[2:])}, "messages[1].name"),
    (talk(2, Text("Look:"), CALL), "messages[2].reasoning"),
    (talk(2, Reasoning("Hm.", "other"), Text("Look:"), CALL), "messages[2].reasoning"),
    (talk(2, *TALK[2].parts[:2], ToolCall("c", "f", "{}")), "messages[2].tool_calls[0]"),
    (talk(3, ToolResult("d", (Text("no"),), is_error=True)), "messages[3]"),
    (talk(3, ToolResult("c", (Text("no"),))), "messages[3].is_error"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "param"), CHANGES)
def test_what_is_not_as_it_was_asked_is_named(change: dict[str, Any], param: str) -> None:
    assert set(differing(ASKED, replace(ASKED, **change))) >= {param}


def test_the_same_in_another_shape_does_not_differ() -> None:
    messages = (*TALK[:2], *(Message("assistant", (part,)) for part in TALK[2].parts), *TALK[3:])
    assert list(differing(ASKED, replace(ASKED, messages=messages, include_usage=True))) == []
    named = replace(ASKED, tool_choice=ToolChoice("named", ("f",)))
    assert list(differing(named, replace(ASKED, tools=TOOLS[:1]))) == []


def test_a_loss_names_all_below_it_and_a_mark_all_marks() -> None:
    assert uncovered({"tools[0].function.strict", "seed"}, {"tools[0]"}) == {"seed"}
    assert uncovered({"messages[1].name"}, {"messages[10]", "messages[1].content"}) == {"messages[1].name"}
    assert not uncovered({"messages[2].content[0].cache_control"}, {"messages[0].content[0].cache_control"})
    assert kind("messages[2].content[10].cache_control") == "messages[].content[].cache_control"
