"""POST /responses for models whose provider has no Responses: asked as a chat, answered as a response."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.bodies import anthropic_answer, anthropic_blocks, anthropic_event, openai_answer, openai_error, openai_stream
from tests.live import Answer, Live
from tests.loopback import answer, close, stream
from tests.proxy_api import vendors
from tests.proxy_api.asking import CLAUDE, anthropic, cached, refusal, with_request_id

TOGETHER = "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"
TOOL = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
THOUGHT = {"type": "thinking", "thinking": "Rome.", "signature": "c2lnbmVk"}
USED = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}
BLOCKS: list[dict[str, Any]] = [THOUGHT, {"type": "text", "text": "I look."}, USED]


def ask(live: Live, **fields: Any) -> Answer:
    headers = {name.replace("_", "-"): fields.pop(name) for name in list(fields) if name.startswith("x_")}
    return live.request("POST", "/v1/responses", {"model": CLAUDE, "input": "Hi", **fields}, headers)


def events(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each under its name."""
    frames = [frame.split("\n") for frame in body.decode().split("\n\n") if frame]
    found = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name for name, _ in frames] == [f"event: {one['type']}" for one in found]
    return found


def test_a_request_is_said_to_claude_and_its_answer_is_a_response(live: Live) -> None:
    anthropic(live, answer(anthropic_answer(content=BLOCKS, stop_reason="tool_use")))
    said = [
        {"role": "developer", "content": "Short."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    ]
    found = ask(live, instructions="Be kind.", input=said, tools=[TOOL], max_output_tokens=99, store=True)
    assert found.status == 200
    asked = live.upstream.calls[-1].json()
    assert [block["text"] for block in asked["system"]] == ["Be kind.", "Short."]
    assert (asked["messages"], asked["max_tokens"]) == ([{"role": "user", "content": "Hi"}], 99)
    assert (asked["tools"][0]["name"], asked["tools"][0]["input_schema"]) == ("weather", TOOL["parameters"])
    response = found.json()
    assert (response["object"], response["status"]) == ("response", "completed")
    assert [item["type"] for item in response["output"]] == ["reasoning", "message", "function_call"]
    assert (response["output"][2]["call_id"], response["output"][2]["arguments"]) == ("toolu_1", '{"city":"Rome"}')
    assert response["usage"]["total_tokens"] == 40
    assert found.headers["x-dragoman-dropped"] == "store"
    row = live.usage(with_request_id(found))
    told = (row["endpoint"], row["status"], row["provider"], row["input_tokens"], row["output_tokens"])
    assert told == ("responses", "ok", "anthropic", 25, 15)


def test_items_of_an_answer_come_back_as_what_they_were(live: Live) -> None:
    anthropic(live, answer(anthropic_answer(content=BLOCKS, stop_reason="tool_use")))
    output = ask(live, tools=[TOOL], reasoning={"effort": "low"}).json()["output"]
    anthropic(live, answer(anthropic_answer("Sunny")))
    result = {"type": "function_call_output", "call_id": "toolu_1", "output": "20 C"}
    turn = [{"role": "user", "content": "Hi"}, *output, result]
    assert ask(live, input=turn, tools=[TOOL], reasoning={"effort": "low"}).status == 200
    _, told, results = live.upstream.calls[-1].json()["messages"]
    assert told["content"] == BLOCKS
    assert results["content"] == [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "20 C"}]


def test_a_stream_has_the_events_of_responses_and_no_other_last_word(live: Live) -> None:
    anthropic(live, stream(anthropic_blocks(BLOCKS, "tool_use")))
    found = ask(live, tools=[TOOL], stream=True)
    assert found.headers["content-type"].startswith("text/event-stream")
    told = events(found.body)
    assert [told[0]["type"], told[-1]["type"]] == ["response.created", "response.completed"]
    assert [one["sequence_number"] for one in told] == list(range(len(told)))
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert told[-1]["response"]["usage"]["output_tokens"] == 15
    assert live.usage(with_request_id(found))["output_tokens"] == 15


@pytest.mark.parametrize("model", [CLAUDE, TOGETHER, vendors.GEMINI])
def test_openais_client_reads_both_forms(crossing: Live, model: str) -> None:
    client = openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.token, max_retries=0)
    anthropic(crossing, answer(anthropic_answer("Hello you")))
    vendors.gemini_says(crossing, vendors.gemini({"text": "Hello you"}))
    crossing.upstream.script(answer(openai_answer("Hello you")))
    assert client.responses.create(model=model, input="Hi").output_text == "Hello you"
    anthropic(crossing, stream(anthropic_blocks([{"type": "text", "text": "Hello you"}])))
    crossing.upstream.script(stream(openai_stream("Hello you")))
    with client.responses.create(model=model, input="Hi", stream=True) as streamed:
        told = list(streamed)
    assert "".join(one.delta for one in told if one.type == "response.output_text.delta") == "Hello you"
    assert told[-1].type == "response.completed"
    assert told[-1].response.output_text == "Hello you"


def test_a_host_of_openais_chat_is_asked_in_chat_with_its_own_quirks(crossing: Live) -> None:
    crossing.upstream.script(answer(openai_answer("Hi there")))
    form = {"type": "json_schema", "name": "r", "schema": {"type": "object"}, "strict": True}
    found = ask(crossing, model=TOGETHER, text={"format": form}, tools=[TOOL], max_output_tokens=9, truncation="auto")
    assert found.json()["output"][0]["content"][0]["text"] == "Hi there"
    assert found.headers["x-dragoman-dropped"] == "truncation"
    call = crossing.upstream.calls[-1]
    assert (call.path, call.json()["max_tokens"]) == ("/v1/chat/completions", 9)
    assert call.json()["model"] == TOGETHER.removeprefix("together/")
    assert call.json()["response_format"]["json_schema"]["name"] == "r"
    assert call.json()["tools"][0]["function"]["name"] == "weather"
    crossing.upstream.script(stream(openai_stream("Hi there")))
    streamed = ask(crossing, model=TOGETHER, stream=True)
    assert events(streamed.body)[-1]["response"]["usage"]["input_tokens"] == 19
    assert crossing.upstream.calls[-1].json()["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("model", [CLAUDE, TOGETHER])
def test_a_finished_response_is_cached_and_replayed_in_either_form(crossing: Live, model: str) -> None:
    anthropic(crossing, stream(anthropic_blocks([{"type": "text", "text": "Once"}])))
    crossing.upstream.script(stream(openai_stream("Once")))
    asked = {"model": model, "input": f"Say it once, {model}", "temperature": 0}
    assert cached(ask(crossing, **asked, stream=True)) == "MISS"
    plain, streamed = ask(crossing, **asked), ask(crossing, **asked, stream=True)
    assert [cached(one) for one in (plain, streamed)] == ["HIT", "HIT"]
    assert plain.json()["output"][0]["content"][0]["text"] == "Once"
    last = events(streamed.body)[-1]
    assert (last["type"], last["response"]["id"]) == ("response.completed", plain.json()["id"])
    assert crossing.usage(with_request_id(plain))["finish_reason"] == "stop"
    assert crossing.upstream.count == 1


CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input": None}, "input"),
    ({"input": []}, "input"),
    ({"input": 5}, "input"),
    ({"input": [{"role": "robot", "content": "Hi"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
    ({"input": [{"role": "user", "content": [{"type": "input_hologram"}]}]}, "input[0].content[0].type"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
    ({"input": [{"type": "function_call_output", "call_id": "c1", "output": "x"}]}, "input[0].call_id"),
    ({"input": [{**CALL, "arguments": 5}]}, "input[0].arguments"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
    ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"background": True}, "background"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED)
@pytest.mark.parametrize("model", [CLAUDE, TOGETHER])
def test_what_a_chat_cannot_hold_is_refused_by_name_before_anybody_is_called(
    crossing: Live, model: str, fields: dict[str, Any], param: str
) -> None:
    found = ask(crossing, model=model, **fields)
    assert (found.status, refusal(found)["param"]) == (400, param)
    assert crossing.upstream.count == 0
    assert crossing.usage(with_request_id(found))["endpoint"] == "responses"


@pytest.mark.parametrize(
    "item",
    [
        {**CALL, "arguments": "{a"},
        {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]},
    ],
)
def test_what_claude_cannot_be_told_names_the_input(live: Live, item: dict[str, Any]) -> None:
    found = ask(live, input=[{"role": "user", "content": "Hi"}, item])
    assert (found.status, refusal(found)["param"]) == (400, "input")
    assert live.upstream.count == 0


def test_a_strict_caller_hears_the_name_that_responses_has(live: Live) -> None:
    found = ask(live, text={"verbosity": "low"}, x_dragoman_strict="1")
    assert (found.status, refusal(found)["param"]) == (400, "text.verbosity")
    assert live.upstream.count == 0


def test_failures_are_in_openais_shape_before_and_after_the_first_event(crossing: Live) -> None:
    crossing.upstream.script(answer(openai_error("Too long", "invalid_request_error", "context_length_exceeded"), 400))
    failed = ask(crossing, model=TOGETHER)
    assert (failed.status, refusal(failed)["code"]) == (400, "context_length_exceeded")
    frames = anthropic_blocks([{"type": "text", "text": "Half of it"}])
    broken = {"type": "overloaded_error", "message": "Overloaded"}
    for cut in (stream(frames[:3], end=close), stream([*frames[:3], anthropic_event("error", error=broken)])):
        anthropic(crossing, cut)
        found = ask(crossing, stream=True)
        last = found.body.decode().strip().rpartition("\n\n")[2]
        assert list(json.loads(last.removeprefix("data: "))) == ["error"]
        assert b"response.completed" not in found.body
        assert crossing.usage(with_request_id(found))["status"] in ("incomplete", "upstream_error")


def test_a_provider_that_has_responses_gets_the_request_as_it_came(live: Live) -> None:
    said = {"id": "resp_1", "object": "response", "tomorrow": 1}
    live.upstream.script(answer(json.dumps(said).encode()), path="/v1/responses")
    found = ask(live, model="openai/gpt-4o", previous_response_id="resp_0", tools=[{"type": "web_search"}])
    assert (found.status, found.json()) == (200, said)
    assert live.upstream.calls[-1].json()["previous_response_id"] == "resp_0"
