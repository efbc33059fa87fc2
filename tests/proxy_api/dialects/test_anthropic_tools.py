"""Tools, tool choice and answer formats as Anthropic gets them.

Shapes after https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy_api.dialects.anthropic_requests import (
    BUDGET,
    PLAIN,
    WEATHER,
    both,
    crossed,
    refused,
)

SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "object", "properties": {}}}}


FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
    ],
)
def test_every_tool_choice_has_its_word(said: Any, told: dict[str, Any]) -> None:
    assert crossed(tools=[WEATHER], tool_choice=said)["tool_choice"] == told


def test_allowed_tools_leave_only_the_allowed() -> None:
    other = {"type": "function", "function": {"name": "clock"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]}
    body = crossed(tools=[WEATHER, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert body["tools"] == [{"name": "clock", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "any"}


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    assert refused(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}}) == "tool_choice"
    assert refused(tool_choice="required") == "tool_choice"


def test_tool_names_and_kinds_are_checked() -> None:
    bad = {"type": "function", "function": {"name": "no spaces"}}
    assert refused(tools=[WEATHER, bad]) == "tools[1].function.name"
    assert refused(tools=[{"type": "custom", "custom": {"name": "x"}}]) == "tools[0].type"


def test_one_call_at_a_time_is_said_with_an_auto_choice() -> None:
    body = crossed(tools=[WEATHER], parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in crossed(parallel_tool_calls=False)


def test_a_forced_tool_stays_and_thinking_gives_way() -> None:
    body, losses = both(BUDGET, tools=[WEATHER], tool_choice="required", reasoning_effort="high", temperature=0.3)
    assert body["tool_choice"] == {"type": "any"}
    assert "thinking" not in body
    assert body["temperature"] == 0.3
    assert losses.keys() == {"reasoning_effort"}


def test_b13_a_schema_with_tools_is_an_output_format_where_the_model_has_one() -> None:
    body, losses = both(BUDGET, response_format=FORM, tools=[WEATHER])
    schema = body["output_config"]["format"]["schema"]
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert schema["additionalProperties"] is schema["properties"]["a"]["additionalProperties"] is False
    assert list(schema["properties"]) == ["z", "a"]
    assert "tool_choice" not in body
    assert losses.keys() == {"response_format.json_schema.schema"}


def test_a_schema_is_a_forced_tool_where_the_model_has_no_output_format() -> None:
    body, losses = both(PLAIN, response_format=FORM)
    assert [tool["name"] for tool in body["tools"]] == ["json"]
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "json"}
    assert losses.keys() == {"response_format"}
    with_tools = crossed(PLAIN, response_format=FORM, tools=[WEATHER])
    assert [tool["name"] for tool in with_tools["tools"]] == ["weather", "json"]
    assert with_tools["tool_choice"] == {"type": "any"}


def test_a_json_object_is_a_forced_tool_or_a_line_in_the_system_text() -> None:
    form = {"type": "json_object"}
    assert crossed(PLAIN, response_format=form)["tool_choice"] == {"type": "tool", "name": "json"}
    for facts, extra in ((PLAIN, {"tools": [WEATHER]}), (BUDGET, {"reasoning_effort": "high"})):
        body, losses = both(facts, response_format=form, **extra)
        assert "JSON" in body["system"][0]["text"]
        assert "tool_choice" not in body
        assert "response_format" in losses
