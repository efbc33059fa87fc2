"""Ollama's own chat: requests, answers, streams. Shapes after https://docs.ollama.com/api/chat"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatResponse, Choice, Image, Text
from proxy_api.dialects import ollama, openai_chat
from proxy_api.errors import BadRequest, GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects.wire import chunks, joined

PNG = "iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather"}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
AT = "2026-08-07T06:08:09.335586Z"
SECONDS = 1786082889


def both(**fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Ollama, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": "qwen3", "messages": HELLO, **fields})
    body, losses = ollama.write_request(asked, ModelFacts())
    return body, {loss.param: loss.reason for loss in losses}


def crossed(**fields: Any) -> dict[str, Any]:
    return both(**fields)[0]


def refused(**fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(**fields)
    return caught.value.param


def asking(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def call(id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def test_it_says_whether_it_streams_and_puts_parameters_into_options() -> None:
    unheard: dict[str, Any] = {"user": "u", "logit_bias": {"1": 2}, "service_tier": "auto", "x_unheard_of": 1}
    options = {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 3, "frequency_penalty": 1, "presence_penalty": 1}
    own: dict[str, Any] = {"keep_alive": "5m", "options": {"num_ctx": 4096, "seed": 9}}
    body, losses = both(**unheard, **options, **own, max_completion_tokens=7, stop="END", logprobs=True, top_logprobs=2)
    assert body == {
        "model": "qwen3",
        "messages": HELLO,
        "stream": False,
        "options": {"num_ctx": 4096, **options, "num_predict": 7, "stop": ["END"]},
        "logprobs": True,
        "top_logprobs": 2,
        "keep_alive": "5m",
    }
    assert losses.keys() == unheard.keys()
    assert both(stream=True) == ({"model": "qwen3", "messages": HELLO, "stream": True}, {})


def test_messages_have_one_text_and_pictures_beside_it() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        *asking(
            {"type": "text", "text": "What is"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
            {"type": "text", "text": "this?"},
            {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxi"}},
        ),
        {"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": [call("c1", '{"a":1}')]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "assistant", "content": ""},
    ]
    body, losses = both(messages=messages)
    function = {"index": 0, "name": "weather", "arguments": {"a": 1}}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is\nthis?\na.csv:\na,b", "images": [PNG]},
        {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [{"id": "c1", "function": function}]},
        {"role": "tool", "content": "sunny", "tool_name": "weather", "tool_call_id": "c1"},
    ]
    assert losses.keys() == {"messages[1].content[1].image_url.detail", "messages[1].content[3]"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        ("/9j/4AAQ", "image/jpeg"),
        ("R0lGODlh", "image/gif"),
        ("UklGRiQA", "image/webp"),
        ("AAAA", None),
    ],
)
def test_a_picture_is_what_its_first_bytes_say(data: str, kind: str | None) -> None:
    """Others refuse a picture without its type."""
    said = {"model": "m", "messages": [{"role": "user", "content": "", "images": [data]}]}
    assert ollama.read_request(said).messages[0].parts == (Image(kind, data),)


def test_a_result_may_show_a_picture() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call("c1")]},
        {"role": "tool", "tool_call_id": "c1", "content": [picture]},
    ]
    assert crossed(messages=messages)["messages"][2]["images"] == [PNG]


def test_legacy_functions_have_made_up_ids() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    said = crossed(messages=messages, functions=[{"name": "weather"}])["messages"]
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]


def test_what_ollama_cannot_be_told_is_refused_by_name() -> None:
    assert refused(n=2) == "n"
    assert refused(modalities=["audio"]) == "modalities"
    url = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert refused(messages=asking(url)) == "messages[0].content[0]"
    pdf = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}}
    assert refused(messages=asking({"type": "text", "text": "x"}, pdf)) == "messages[0].content[1]"
    bad = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call("a", "{")]}]
    assert refused(messages=bad) == "messages[1].tool_calls[0].function.arguments"


def test_a_format_is_json_or_a_schema_with_its_order() -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assert crossed(response_format={"type": "json_object"})["format"] == "json"
    assert list(crossed(response_format=form)["format"]["properties"]) == ["z", "a"]


@pytest.mark.parametrize(
    ("choice", "names", "lost"),
    [
        (None, ["weather", "clock"], set()),
        ("auto", ["weather", "clock"], set()),
        ("none", [], set()),
        ("required", ["weather", "clock"], {"tool_choice"}),
        (CLOCK, ["clock"], {"tool_choice"}),
    ],
)
def test_a_choice_leaves_tools_but_cannot_force_them(choice: Any, names: list[str], lost: set[str]) -> None:
    body, losses = both(tools=[WEATHER, CLOCK], tool_choice=choice)
    assert [tool["function"]["name"] for tool in body.get("tools", ())] == names
    assert set(losses) == lost


def test_strictness_and_one_call_at_a_time_are_reported() -> None:
    strict = {"type": "function", "function": {"name": "clock", "strict": True}}
    losses = both(tools=[WEATHER, strict], parallel_tool_calls=False)[1]
    assert losses.keys() == {"tools[1].function.strict", "parallel_tool_calls"}


@pytest.mark.parametrize(
    ("fields", "think", "lost"),
    [
        ({"reasoning_effort": "none"}, False, set()),
        ({"reasoning_effort": "minimal"}, "low", {"reasoning_effort"}),
        ({"reasoning_effort": "medium"}, "medium", set()),
        ({"reasoning_effort": "xhigh"}, "high", {"reasoning_effort"}),
        ({"reasoning_enabled": True}, True, set()),
        ({"reasoning_enabled": False}, False, set()),
        ({"reasoning_budget": 9}, True, {"reasoning_budget"}),
    ],
)
def test_b12_reasoning_is_switched_or_has_a_level(fields: dict[str, Any], think: Any, lost: set[str]) -> None:
    body, losses = both(**fields)
    assert (body["think"], set(losses)) == (think, lost)


def answer(done_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    body = {"model": "qwen3", "created_at": AT, "message": {"role": "assistant", **message}, "done": True}
    body |= {"prompt_eval_count": 20, "eval_count": 5} | ({"done_reason": done_reason} if done_reason else {})
    return openai_chat.write_response(ollama.read_response(body, 1))


def test_an_answer_has_its_thinking_text_usage_and_time() -> None:
    said = answer(content="Yes.", thinking="Hm.")
    message = said["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Yes.", "Hm.")
    assert (said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"]) == (20, 5)
    assert (said["created"], said["model"]) == (SECONDS, "qwen3")


def test_calls_without_ids_get_stable_ones_of_their_own() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}] * 2
    choice = answer(content="", tool_calls=[*calls, {"id": "c3", "function": {"name": "g", "arguments": {}}}])[
        "choices"
    ][0]
    told = choice["message"]["tool_calls"]
    assert [one["function"]["arguments"] for one in told] == ['{"a":1}', '{"a":1}', "{}"]
    assert (len({one["id"] for one in told}), told[2]["id"]) == (3, "c3")
    again = answer(content="", tool_calls=calls)["choices"][0]["message"]["tool_calls"]
    assert [one["id"] for one in again] == [one["id"] for one in told[:2]]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "stop")


@pytest.mark.parametrize(
    ("native", "reason"), [("stop", "stop"), ("length", "length"), ("load", "stop"), (None, "stop")]
)
def test_every_done_reason_has_a_finish_reason(native: str | None, reason: str) -> None:
    assert answer(native, content="x")["choices"][0]["finish_reason"] == reason


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(UpstreamIncomplete):
        ollama.read_response({"message": {"content": "x"}, "done": False}, 1)
    with pytest.raises(UpstreamError, match="Broke"):
        ollama.read_response({"error": "Broke."}, 1)
    with pytest.raises(UpstreamError):
        ollama.read_response([], 1)


def line(content: str = "", **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **fields}
    return {"model": "qwen3", "created_at": AT, "message": message, "done": False}


DONE = line() | {"done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 5}


def streamed(*lines: dict[str, Any], cut: int = 7) -> list[dict[str, Any]]:
    raw = b"".join(orjson.dumps(one) + b"\n" for one in lines)
    pieces: list[bytes | None] = [raw[start : start + cut] for start in range(0, len(raw), cut)]
    events = ollama.read_stream(ollama.frames(iter(pieces)), 1)
    return chunks(joined(openai_chat.write_stream(events, include_usage=True)))


def test_a_stream_of_thoughts_text_calls_and_usage() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}]
    said = streamed(line(thinking="Hm"), line("Héllo"), line(tool_calls=calls), line(tool_calls=calls), DONE)
    told = [part["choices"][0]["delta"] for part in said if part["choices"]]
    assert told[1:3] == [{"reasoning": {"content": "Hm"}, "reasoning_content": "Hm"}, {"content": "Héllo"}]
    pieces = [one for delta in told for one in delta.get("tool_calls", ())]
    assert [(one["index"], one["function"]["arguments"]) for one in pieces] == [(0, '{"a":1}'), (1, '{"a":1}')]
    assert pieces[0]["id"] != pieces[1]["id"]
    assert said[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert said[-1]["usage"]["prompt_tokens"] == 20
    assert {part["created"] for part in said} == {SECONDS}


def test_log_probabilities_are_told_to_its_clients() -> None:
    told = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}
    response = ChatResponse("", "qwen3", 1, (Choice(0, (Text("a"),), "stop", "stop", told),))
    assert ollama.read_response(ollama.write_response(response), 1) == response
    raw = joined(ollama.write_stream(replay(response), include_usage=True))
    assert collect(ollama.read_stream(ollama.frames(iter([raw])), 1)) == response


def test_integers_beyond_64_bits_stay_exact() -> None:
    number = 123456789012345678901234567890
    raw = orjson.dumps(line(tool_calls=[{"function": {"name": "f", "arguments": {"n": 1}}}]))
    raw = raw.replace(b'"n":1', b'"n":%d' % number) + b"\n" + orjson.dumps(DONE)
    events = list(ollama.read_stream(ollama.frames(iter([raw])), 1))
    assert any(str(number) in getattr(event, "arguments", "") for event in events)


@pytest.mark.parametrize("lines", [(), (line("x"),)])
def test_a_stream_without_its_last_line_is_incomplete(lines: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(UpstreamIncomplete):
        streamed(*lines)


def test_an_error_in_a_stream_is_told() -> None:
    with pytest.raises(GatewayError, match="Broke"):
        streamed(line("x"), {"error": "Broke."})


def test_errors_keep_the_sentence() -> None:
    error = ollama.read_error(404, {}, b'{"error":"model \'x\' not found"}')
    assert (error.status, error.message, error.code) == (404, "model 'x' not found", "model_not_found")
    long = ollama.read_error(400, {}, b'{"error":"the input length exceeds the context length"}')
    assert long.code == "context_length_exceeded"
    assert ollama.write_error(BadRequest("No", param="n")) == {"error": "No"}


def test_its_address_is_the_hosts_own_and_its_stream_is_lines() -> None:
    assert (ollama.path("m", True), ollama.wants_bytes) == ("/api/chat", True)
    assert (ollama.accept(True), ollama.accept(False)) == ("application/x-ndjson", "application/json")
