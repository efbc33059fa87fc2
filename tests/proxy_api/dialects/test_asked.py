"""Answers adapted to how their request had to be said."""

from __future__ import annotations

from typing import Any

from proxy_api.chat import ChatRequest, Event
from proxy_api.dialects import anthropic, openai_chat
from proxy_api.dialects.asked import answer_tool, events_as_asked, response_as_asked
from proxy_api.replay import collect, replay

FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def asked(**fields: Any) -> ChatRequest:
    return openai_chat.read_request({"model": "m", "messages": [], **fields})


def answer(*names: str) -> Any:
    content = [{"type": "tool_use", "id": f"id_{name}", "name": name, "input": {"a": 1}} for name in names]
    return anthropic.read_response({"content": content, "stop_reason": "tool_use"}, 1)


def both_ways(request: ChatRequest, *names: str) -> dict[str, Any]:
    """The client's choice; plain and streamed must say the same."""
    plain = response_as_asked(answer(*names), request)
    events: list[Event | None] = list(events_as_asked((event for event in replay(answer(*names))), request))
    assert collect(events).choices == plain.choices
    choice: dict[str, Any] = openai_chat.write_response(plain)["choices"][0]
    return choice


def test_the_arguments_of_the_answer_tool_are_the_content() -> None:
    choice = both_ways(asked(response_format=FORM), "json")
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"a":1}', "stop")
    assert "tool_calls" not in choice["message"]


def test_a_call_of_the_clients_own_tool_stays_a_call() -> None:
    choice = both_ways(asked(response_format=FORM), "weather")
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "weather"
    assert choice["finish_reason"] == "tool_calls"


def test_a_client_may_have_a_tool_of_the_same_name() -> None:
    tools = [{"type": "function", "function": {"name": "json"}}]
    request = asked(response_format=FORM, tools=tools)
    assert answer_tool(request) == "json_answer"
    assert both_ways(request, "json")["finish_reason"] == "tool_calls"
    assert both_ways(asked(tools=tools), "json")["finish_reason"] == "tool_calls"


def test_a_legacy_request_gets_a_function_call() -> None:
    choice = both_ways(asked(functions=[{"name": "weather"}]), "weather")
    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"a":1}'}
    assert choice["finish_reason"] == "function_call"


def test_closing_the_adapted_stream_closes_the_providers() -> None:
    def upstream() -> Any:
        try:
            yield from replay(answer("json"))
        finally:
            closed.append(True)

    closed: list[bool] = []
    events = events_as_asked(upstream(), asked(response_format=FORM))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert closed == [True]
