import json
from typing import Any

import pytest

from proxy_api.errors import BadRequest
from proxy_api.shape import check_chat

USER = {"role": "user", "content": "hi"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}],
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": list(messages) or [USER], **fields}


def part(**fields: Any) -> dict[str, Any]:
    return chat({"role": "user", "content": [fields]})


def image(url: Any, **fields: Any) -> dict[str, Any]:
    return part(type="image_url", image_url={"url": url, **fields})


def refusal(value: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        check_chat(value)
    return caught.value


@pytest.mark.parametrize("value", [{}, {"model": "m"}, {"messages": [USER]}, {"model": None, "messages": [USER]}])
def test_a_model_and_messages_are_required(value: dict[str, Any]) -> None:
    assert refusal(value).code == "missing_required_parameter"


@pytest.mark.parametrize("model", [1, [], {}, "", " ", "\n", "a\r\nX: y", "m" * (1 << 20), True])
def test_a_model_is_a_short_name_without_control_characters(model: Any) -> None:
    assert refusal({"model": model, "messages": [USER]}).param == "model"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("temperature", ["0.5", [], True, 10**400, float("inf"), float("nan")]),
        ("top_p", ["1", -0.1, 1.1, {}]),
        ("top_k", ["1", 1.5, True, -2]),
        ("n", [0, -1, 1.5, 10**30, True]),
        ("max_tokens", [0, -2, 1.5, "10", [], True, -1.0]),
        ("max_completion_tokens", [0, "x", 10**15]),
        ("stream", ["true", [], {}, "yes", 1]),
        ("stream_options", ["x", 1, []]),
        ("stop", [1, [1], [None], [""], "", ["a"] * 17]),
        ("presence_penalty", [-3, 3, [], "0"]),
        ("frequency_penalty", [-2.1, 3]),
        ("logit_bias", ["x", [], {"a": 1}, {"50256": "x"}, {"50256": 1000}]),
        ("logprobs", ["true", -1, 21]),
        ("top_logprobs", [-2, "5", 2.5]),
        ("user", [1, [], {}, "x" * 65537]),
        ("seed", [1.5, 10**30, "1"]),
        ("response_format", ["json", [], {}, {"type": "xml"}, {"type": "json_schema"}]),
        ("tools", ["x", {}, [1], [{}], [{"type": "function"}], [{"type": "custom"}], [{"type": 1}]]),
        ("tool_choice", [1, [], "get_weather", {}, {"type": "function"}, {"type": "function", "function": {}}]),
        ("parallel_tool_calls", [1, "true"]),
        ("functions", ["x", [1], [{}]]),
        ("function_call", [1, {}, ""]),
        ("metadata", ["x", [], {"a": {"b": 1}}, {"a": 1}, {str(i): "" for i in range(17)}, {"a": "x" * 513}]),
        ("store", ["x", 1]),
        ("service_tier", ["platinum", 1]),
        ("modalities", ["text", ["smell"]]),
        ("reasoning_effort", ["extreme", 1]),
        ("verbosity", ["loud"]),
        ("prediction", ["x", {}]),
        ("reasoning_enabled", ["true", 1]),
        ("reasoning_budget", ["1", 1.5, -2]),
        ("use_cache", ["always"]),
    ],
)
def test_a_wrong_value_names_its_field(field: str, bad: list[Any]) -> None:
    for value in bad:
        error = refusal(chat(**{field: value}))
        assert error.status == 400
        assert error.param is not None
        assert error.param.startswith(field)


@pytest.mark.parametrize(
    ("field", "good"),
    [
        ("temperature", [0, 0.0, 2, 1.5, 1000, -1, 1e308]),
        ("n", [1, 128, 500]),
        ("max_tokens", [1, -1]),
        ("top_logprobs", [0, -1, 50]),
        ("stop", ["x", ["a", "b", "c", "d"], []]),
        ("logit_bias", [{}, {"50256": -100, "1": 0.5}]),
        ("logprobs", [True, 5]),
        ("seed", [0, -(2**63), 2**63 - 1]),
        ("response_format", [{"type": "text"}, {"type": "json_object"}]),
        ("response_format", [{"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": True}}]),
        ("tools", [[], [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]]),
        ("tools", [[{"type": "custom", "custom": {"name": "f"}}], [{"function": {"name": "f"}}]]),
        ("tools", [[{"type": "openrouter:web_search", "parameters": {}}], [{"type": "web_search"}]]),
        ("tool_choice", ["auto", "none", "required", "any", {"type": "function", "function": {"name": "f"}}]),
        ("tool_choice", [{"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}]),
        ("metadata", [{}, {"a": "b"}]),
        ("reasoning_effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        ("service_tier", ["auto", "flex", "priority"]),
        ("modalities", [["text", "audio"]]),
        ("prediction", [{"type": "content", "content": "x"}]),
        ("reasoning_budget", [0, 1024]),
        ("reasoning", [{"effort": "low"}]),
        ("plugins", [[{"id": "web"}]]),
        ("x_new_provider_field", [{"a": 1}]),
    ],
)
def test_a_right_value_and_an_unknown_field_pass(field: str, good: list[Any]) -> None:
    for value in good:
        check_chat(chat(**{field: value}))


def test_null_stands_for_an_absent_field() -> None:
    names = (
        "temperature",
        "stream",
        "stop",
        "tools",
        "tool_choice",
        "metadata",
        "user",
        "stream_options",
        "response_format",
    )
    check_chat(chat(**dict.fromkeys(names)))


@pytest.mark.parametrize("name", ["a b", "", "x" * 65, "é", "a.b", "f\n", 1])
def test_a_function_name_has_openais_form(name: Any) -> None:
    tools = [{"type": "function", "function": {"name": name}}]
    assert refusal(chat(tools=tools)).param == "tools[0].function.name"


def test_parameters_of_a_function_are_an_object() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": "x"}}]
    assert refusal(chat(tools=tools)).param == "tools[0].function.parameters"


def test_stream_options_need_a_stream() -> None:
    options = {"include_usage": True}
    check_chat(chat(stream=True, stream_options=options))
    assert refusal(chat(stream_options=options)).param == "stream_options"
    assert refusal(chat(stream=False, stream_options=options)).param == "stream_options"
    bad = refusal(chat(stream=True, stream_options={"include_usage": "yes"}))
    assert bad.param == "stream_options.include_usage"


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ({}, "messages"),
        ("x", "messages"),
        ([], "messages"),
        ([None], "messages[0]"),
        ([USER, None], "messages[1]"),
        ([[USER]], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": None, "content": "x"}], "messages[0].role"),
        ([{"role": "root", "content": "x"}], "messages[0].role"),
        ([{"role": 1, "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 1}], "messages[0].content"),
        ([{"role": "user", "content": {}}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "system", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": [None]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file.file_data"),
        (
            [{"role": "user", "content": [{"type": "file", "file": {"file_data": 1}}]}],
            "messages[0].content[0].file.file_data",
        ),
        (
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA=="}}]}],
            "messages[0].content[0].input_audio.format",
        ),
        ([{"role": "user", "name": 1, "content": "x"}], "messages[0].name"),
        ([{"role": "user", "name": "a b\n", "content": "x"}], "messages[0].name"),
        ([{"role": "assistant"}], "messages[0].content"),
        ([{"role": "assistant", "content": None, "tool_calls": None}], "messages[0].content"),
        ([{"role": "assistant", "content": None, "tool_calls": "x"}], "messages[0].tool_calls"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]}],
            "messages[0].tool_calls[0].function",
        ),
        ([USER, {"role": "tool", "content": "x"}], "messages[1].tool_call_id"),
        ([USER, CALL, {"role": "tool", "tool_call_id": "c"}], "messages[2].content"),
        ([{"role": "function", "content": "x"}], "messages[0].name"),
    ],
)
def test_a_broken_message_is_named_to_the_point(messages: Any, param: str) -> None:
    assert refusal({"model": "m", "messages": messages}).param == param


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": "x"},
        {"role": "system", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
        {"role": "assistant", "refusal": "no"},
        {"role": "assistant", "content": None, "reasoning": [{"id": "s", "content": "t"}]},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": "x", "prefix": True},
        {"role": "user", "name": "Ada", "content": [{"type": "text", "text": ""}]},
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}]},
        {"role": "user", "content": [{"type": "document_url", "document_url": "https://example.com/a.pdf"}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
        {"role": "function", "name": "f", "content": None},
    ],
)
def test_messages_of_the_family_pass(message: dict[str, Any]) -> None:
    check_chat(chat(USER, CALL, {"role": "tool", "tool_call_id": "c", "content": "1"}, message))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://example.com:8080/a?b=c#d",
        "HTTPS://EXAMPLE.COM/",
        "gs://bucket/a.png",
        PIXEL,
        "data:image/png;base64,AA",
        "data:image/jpeg;base64,_-8=",
        "data:application/pdf;base64,JVBERi0=",
        "data:text/plain;charset=utf-8;base64,aGk=",
    ],
)
def test_an_image_may_be_a_web_address_or_base64(url: str) -> None:
    check_chat(image(url))
    check_chat(image(url, detail="low"))
    check_chat(part(type="image_url", image_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "example.com/a.png",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://127.0.0.1/",
        "jar:http://127.0.0.1!/",
        "unix:///var/run/docker.sock",
        "javascript:alert(1)",
        "http://",
        "http:///etc/passwd",
        "http://a\r\nHost: b/",
        "http://[::1/",
        "data:",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,A",
        "data:image/png;base64,AA===",
        "data:image/png,xx",
        "data:;base64,AAAA",
        1,
        None,
        {},
    ],
)
def test_an_image_is_nothing_else(url: Any) -> None:
    param = refusal(image(url)).param
    assert param == "messages[0].content[0].image_url.url"


def test_detail_has_known_levels() -> None:
    assert refusal(image(PIXEL, detail="ultra")).param == "messages[0].content[0].image_url.detail"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    secret = "sk-secret words"
    for value in (
        chat(temperature=secret),
        chat(reasoning_effort=secret),
        chat(metadata={secret: 1}),
        chat(logit_bias={secret: 1}),
        chat(tools=[{"type": secret}]),
        chat({"role": secret, "content": secret}),
        image(secret),
    ):
        assert secret not in json.dumps(vars(refusal(value)))
