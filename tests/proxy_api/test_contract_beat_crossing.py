"""Where we beat the reference across languages (contract, section 14, B8-B12), against the running server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bodies import (
    anthropic_answer,
    anthropic_event,
    anthropic_stream,
)
from tests.live import Live
from tests.loopback import (
    answer,
    stream,
)
from tests.proxy_api.asking import (
    CLAUDE,
    TOOL,
    anthropic,
    chunks,
    hello,
    payloads,
    refusal,
    text_of,
)


def test_all_blocks_of_an_anthropic_answer_arrive(live: Live) -> None:
    """B8."""
    blocks = [
        {"type": "text", "text": "First. "},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
        {"type": "text", "text": "Second."},
        {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
    ]
    anthropic(live, answer(anthropic_answer(stop="tool_use", content=blocks)))
    choice = live.chat(hello(model=CLAUDE, tools=[TOOL])).json()["choices"][0]
    assert choice["message"]["content"] == "First. Second."
    assert [(call["id"], call["type"], call["function"]) for call in choice["message"]["tool_calls"]] == [
        ("toolu_1", "function", {"name": "weather", "arguments": '{"city":"Rome"}'}),
        ("toolu_2", "function", {"name": "weather", "arguments": "{}"}),
    ]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "tool_use")


def test_every_system_message_is_sent_and_empty_tool_arguments_do_no_harm(live: Live) -> None:
    """B9."""
    anthropic(live, answer(anthropic_answer()))
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    messages = [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Three."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny"},
    ]
    assert live.chat(hello(model=CLAUDE, messages=messages, tools=[TOOL])).status == 200
    sent = live.upstream.calls[0].json()
    assert [block["text"] for block in sent["system"]] == ["One.", "Two.", "Three."]
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][1]["content"] == [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}]
    assert sent["messages"][2]["content"][0]["tool_use_id"] == "call_1"


# https://platform.claude.com/docs/en/api/messages/create
ANTHROPIC_FIELDS = {
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
EVERY_PARAMETER: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 2,
    "max_tokens": 100,
    "max_completion_tokens": 200,
    "metadata": {"team": "blue"},
    "modalities": ["text"],
    "n": 1,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "Hello"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "safety_identifier": "u1",
    "seed": 7,
    "service_tier": "auto",
    "stop": ["\n", "END"],
    "store": False,
    "temperature": 1.5,
    "tool_choice": "auto",
    "tools": [TOOL],
    "top_p": 0.9,
    "user": "u1",
    "verbosity": "low",
    "web_search_options": {},
    "a_field_of_tomorrow": 1,
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_anthropic_gets_only_fields_that_it_knows(live: Live, streamed: bool) -> None:
    """B10."""
    anthropic(live, stream(anthropic_stream()) if streamed else answer(anthropic_answer()))
    more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    found = live.chat(hello(model=CLAUDE, **EVERY_PARAMETER, **more))
    assert found.status == 200
    sent = live.upstream.calls[0].json()
    assert set(sent) <= ANTHROPIC_FIELDS
    assert (sent["model"], sent["metadata"]) == ("claude-sonnet-4-5", {"user_id": "u1"})
    assert sent["stop_sequences"] == ["END"]
    assert set(sent["tools"][0]) <= {"name", "description", "input_schema", "cache_control", "strict"}
    dropped = set(found.headers["x-dragoman-dropped"].split(", "))
    assert dropped >= {"frequency_penalty", "logit_bias", "metadata", "seed", "store", "web_search_options"}
    assert "a_field_of_tomorrow" in dropped


def test_names_that_no_header_can_hold_do_no_harm(live: Live) -> None:
    """B31: neither the client's nor the provider's."""
    anthropic(live, answer(anthropic_answer(model="claude\r\nset-cookie: a=b")))
    found = live.chat(hello(model=CLAUDE, **{"a\r\nset-cookie: b": 1, "na\u00efve": 2}))
    assert found.status == 200
    assert found.headers["x-dragoman-dropped"] == "a??set-cookie, na?ve"
    assert found.headers["x-dragoman-model"] == "claude??set-cookie: a=b"
    assert "set-cookie" not in found.headers


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[bytes]:
    return [
        anthropic_event("content_block_start", index=index, content_block=content),
        *(anthropic_event("content_block_delta", index=index, delta=delta) for delta in deltas),
        anthropic_event("content_block_stop", index=index),
    ]


def message(*blocks: bytes, stop: str, **delta: Any) -> list[bytes]:
    start = anthropic_stream()[0]
    ended = {"stop_reason": stop, "stop_sequence": None, **delta}
    tail = anthropic_event("message_delta", delta=ended, usage={"output_tokens": 9})
    return [start, *blocks, tail, anthropic_event("message_stop")]


SAID = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Half"})
THOUGHT = block(0, {"type": "redacted_thinking", "data": "c2VjcmV0"})
TOMORROW = anthropic_event("weather_report", sky="blue")
ANTHROPIC_ENDS = {
    "refusal": (message(*SAID, stop="refusal"), "content_filter"),
    "pause_turn": (message(*SAID, stop="pause_turn"), "stop"),
    "redacted thinking": (
        message(*THOUGHT, *block(1, {"type": "text", "text": "Half"}), stop="end_turn"),
        "stop",
    ),
    "an event of tomorrow": (message(TOMORROW, *SAID, stop="end_turn"), "stop"),
}


@pytest.mark.parametrize(("frames", "reason"), ANTHROPIC_ENDS.values(), ids=ANTHROPIC_ENDS)
def test_anthropic_streams_with_odd_ends_end_well(live: Live, frames: list[bytes], reason: str) -> None:
    """B11."""
    anthropic(live, stream(frames))
    found = live.chat(hello(model=CLAUDE, stream=True))
    assert found.body.count(b"[DONE]") == 1
    assert found.body.endswith(b"data: [DONE]\n\n")
    streamed = chunks(found.body)
    assert text_of(streamed) == "Half"
    assert streamed[-1]["choices"][0]["finish_reason"] == reason


def test_an_anthropic_error_event_is_the_last_frame(live: Live) -> None:
    """B11."""
    frames, error = anthropic_stream(), {"type": "overloaded_error", "message": "Overloaded"}
    anthropic(live, stream([*frames[:4], anthropic_event("error", error=error), *frames[4:]]))
    found = live.chat(hello(model=CLAUDE, stream=True))
    assert found.status == 200
    last = json.loads(payloads(found.body)[-1])
    assert (last["error"]["message"], last["error"]["code"]) == ("Overloaded", "upstream_unavailable")
    assert b"[DONE]" not in found.body


def test_levels_of_reasoning_differ_upstream(live: Live) -> None:
    """B12."""
    anthropic(live, answer(anthropic_answer()))
    sent = []
    for effort in ("none", "minimal", "low", "high"):
        assert live.chat(hello(model=CLAUDE, reasoning_effort=effort, max_tokens=10000)).status == 200
        sent.append(live.upstream.calls[-1].json().get("thinking"))
    assert sent[0] in (None, {"type": "disabled"})
    assert [one["budget_tokens"] for one in sent[1:]] == [1024, 2000, 8000]
    for effort in ("none", "minimal", "high"):
        live.chat(hello(reasoning_effort=effort))
        assert live.upstream.calls[-1].json()["reasoning_effort"] == effort


def test_a_feature_that_needs_a_beta_header_gets_it_beside_the_clients_own(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    computer = {"type": "computer_20250124", "name": "computer", "display_width_px": 800, "display_height_px": 600}
    body = hello(model=CLAUDE, tools=[computer])
    assert live.chat(body, anthropic_beta="context-1m-2025-08-07, computer-use-2025-01-24").status == 200
    [call] = live.upstream.calls
    assert call.headers["anthropic-beta"] == "context-1m-2025-08-07,computer-use-2025-01-24"
    assert call.json()["tools"] == [computer]


def test_a_tool_that_runs_at_another_provider_is_refused_before_anybody_is_called(live: Live) -> None:
    found = live.chat(hello(model=CLAUDE, tools=[{"type": "web_search_preview"}]))
    assert found.status == 400
    assert refusal(found)["param"] == "tools[0].type"
    assert live.upstream.count == 0
