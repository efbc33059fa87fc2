"""What providers with a language of their own are told (contract, sections 7 to 10), against the running server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bodies import anthropic_answer
from tests.live import Live
from tests.loopback import answer
from tests.proxy_api import vendors
from tests.proxy_api.asking import CLAUDE, TOOL, UPSTREAM_MESSAGES, hello, refusal

PNG = "iVBORw0KGgo="
PDF = "JVBERi0="
PARAMETERS = TOOL["function"]["parameters"]  # type: ignore[index]
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]
SCHEMA = {
    "type": "object",
    "properties": {"z": {"type": "string"}, "a": {"type": "string"}},
    "required": ["z", "a"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "report", "schema": SCHEMA, "strict": True}}


def everywhere(live: Live) -> None:
    """Whichever provider is asked has an answer."""
    live.upstream.script(answer(anthropic_answer()), path=UPSTREAM_MESSAGES)
    vendors.gemini_says(live, vendors.gemini({"text": "Hi"}))
    vendors.gemini_says(live, vendors.gemini({"text": "Hi"}), model=NEW_GEMINI)
    for model in (vendors.NOVA, vendors.BEDROCK_CLAUDE):
        live.upstream.script(answer(vendors.converse({"text": "Hi"})), path=vendors.converse_path(model))


NEW_GEMINI = "google/gemini-3-flash-preview"


def told(live: Live, model: str, **fields: Any) -> Any:
    """The body that the provider gets of a request that is answered."""
    everywhere(live)
    found = live.chat(hello(model=model, **fields))
    assert found.status == 200, found.body
    return vendors.sent(live)


def test_system_text_image_pdf_call_and_result_reach_anthropic(crossing: Live) -> None:
    body = told(crossing, CLAUDE, messages=TALK, tools=[TOOL])
    image = {"type": "base64", "media_type": "image/png", "data": PNG}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    assert [block["text"] for block in body["system"]] == ["Be brief."]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": image},
                {"type": "document", "source": pdf, "title": "a.pdf"},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]},
    ]
    [tool] = body["tools"]
    assert (tool["name"], tool["input_schema"]) == ("weather", PARAMETERS)


def test_system_text_image_pdf_call_and_result_reach_gemini(crossing: Live) -> None:
    body = told(crossing, vendors.GEMINI, messages=TALK, tools=[TOOL])
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    user, model, result = body["contents"]
    assert user["parts"] == [
        {"text": "What is this?"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    ]
    assert (model["role"], model["parts"][0]["functionCall"]["args"]) == ("model", {"city": "Rome"})
    assert result["parts"][0]["functionResponse"]["response"] == {"output": "sunny"}
    [declared] = body["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["parametersJsonSchema"]) == ("weather", PARAMETERS)


@pytest.mark.parametrize("model", [vendors.NOVA, vendors.BEDROCK_CLAUDE])
def test_system_text_image_pdf_call_and_result_reach_bedrock(crossing: Live, model: str) -> None:
    body = told(crossing, model, messages=TALK, tools=[TOOL])
    assert body["system"] == [{"text": "Be brief."}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"text": "What is this?"},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Rome"}}}],
        },
        {"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "sunny"}]}}]},
    ]
    [tool] = body["toolConfig"]["tools"]
    assert (tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]) == ("weather", {"json": PARAMETERS})


# -- reasoning and cache marks ----------------------------------------------------------------------------------------
MARK = {"type": "ephemeral"}
THOUGHTFUL = [
    {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": MARK}]},
    {
        "role": "assistant",
        "content": "Hello",
        "reasoning": [{"id": "sig1", "content": "hm"}, {"id": "sig2", "content": "well"}],
    },
    {"role": "user", "content": "More"},
]


def test_reasoning_of_a_message_and_cache_marks_of_its_parts_reach_anthropic(crossing: Live) -> None:
    body = told(crossing, CLAUDE, messages=THOUGHTFUL, tools=[{**TOOL, "cache_control": MARK}], reasoning_enabled=True)
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hi", "cache_control": MARK}]
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig1"},
        {"type": "thinking", "thinking": "well", "signature": "sig2"},
        {"type": "text", "text": "Hello"},
    ]
    assert body["tools"][0]["cache_control"] == MARK


def test_reasoning_budget_and_enabled_reach_whoever_can_think(crossing: Live) -> None:
    asked = told(crossing, CLAUDE, reasoning_budget=2000, max_tokens=1000)
    assert asked["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert asked["max_tokens"] == 3000
    assert told(crossing, CLAUDE, reasoning_enabled=True)["thinking"]["type"] == "enabled"
    for off in ({"reasoning_enabled": False}, {"reasoning_budget": 0, "reasoning_effort": "high"}):
        assert told(crossing, CLAUDE, **off).get("thinking", {"type": "disabled"}) == {"type": "disabled"}
    for field, budget in (({"reasoning_budget": 2000}, 2000), ({"reasoning_enabled": False}, 0)):
        config = told(crossing, vendors.GEMINI, **field)["generationConfig"]["thinkingConfig"]
        assert config["thinkingBudget"] == budget
    for effort in ("none", "minimal", "high"):
        told(crossing, "openai/gpt-4o-mini", reasoning_budget=2000, reasoning_enabled=True, reasoning_effort=effort)
        assert "reasoning_budget" not in vendors.sent(crossing)
        assert "reasoning_enabled" not in vendors.sent(crossing)


def levels(live: Live, model: str, *where: str) -> list[Any]:
    found = []
    for effort in ("none", "minimal", "high"):
        body = told(live, model, reasoning_effort=effort, max_tokens=10_000)
        for name in where:
            body = body.get(name, {})
        found.append(str(body))
    return found


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (CLAUDE, ("thinking",)),
        ("anthropic/claude-opus-4-6", ("output_config",)),
        (vendors.GEMINI, ("generationConfig", "thinkingConfig")),
        (NEW_GEMINI, ("generationConfig", "thinkingConfig")),
        (vendors.BEDROCK_CLAUDE, ("additionalModelRequestFields",)),
    ],
)
def test_no_minimal_and_high_effort_are_three_things_upstream(
    crossing: Live, model: str, where: tuple[str, ...]
) -> None:
    assert len(set(levels(crossing, model, *where))) == 3


# -- a schema beside tools --------------------------------------------------------------------------------------------
def test_a_json_schema_beside_tools_is_asked_of_anthropic_gemini_and_mistral(crossing: Live) -> None:
    fields = {"tools": [TOOL], "response_format": AS_SCHEMA}
    claude = told(crossing, CLAUDE, **fields)
    assert claude["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA}
    assert [tool["name"] for tool in claude["tools"]] == ["weather"]
    config = told(crossing, NEW_GEMINI, **fields)["generationConfig"]
    assert (config["responseMimeType"], config["responseJsonSchema"]) == ("application/json", SCHEMA)
    assert vendors.sent(crossing)["tools"][0]["functionDeclarations"][0]["name"] == "weather"
    mistral = told(crossing, vendors.MISTRAL, **fields)
    assert mistral["response_format"] == AS_SCHEMA
    assert [tool["function"]["name"] for tool in mistral["tools"]] == ["weather"]
    for body in (claude["output_config"]["format"]["schema"], config["responseJsonSchema"]):
        assert list(body["properties"]) == ["z", "a"]  # structured outputs follow the schema's order


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-0", "anthropic/claude-3-5-haiku-latest", vendors.GEMINI])
def test_a_json_schema_beside_tools_works_on_models_that_lack_it(crossing: Live, model: str) -> None:
    body = told(crossing, model, tools=[TOOL], response_format=AS_SCHEMA)
    assert "weather" in str(body["tools"])
    assert json.dumps(SCHEMA) in json.dumps(body).replace('\\"', '"'), "the schema is told somewhere"


# -- tools ------------------------------------------------------------------------------------------------------------
def test_calls_and_results_carry_the_functions_real_name_at_gemini(crossing: Live) -> None:
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "first", "arguments": "{}"}},
        {"id": "call_2", "type": "function", "function": {"name": "second", "arguments": ""}},
    ]
    results = [{"role": "tool", "tool_call_id": f"call_{number}", "content": "ok"} for number in (2, 1)]
    messages = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *results,
    ]
    _, model, user = told(crossing, vendors.GEMINI, messages=messages)["contents"]
    assert [part["functionCall"]["name"] for part in model["parts"]] == ["first", "second"]
    assert [part["functionResponse"]["name"] for part in user["parts"]] == ["second", "first"]


CHOICES = [
    ("auto", {"auto": {}}),
    ("required", {"any": {}}),
    ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
]


@pytest.mark.parametrize(("said", "heard"), CHOICES)
def test_tool_choice_and_max_completion_tokens_reach_bedrock(crossing: Live, said: Any, heard: Any) -> None:
    body = told(crossing, vendors.BEDROCK_CLAUDE, tools=[TOOL], tool_choice=said, max_completion_tokens=77)
    assert body["toolConfig"]["toolChoice"] == heard
    assert body["inferenceConfig"]["maxTokens"] == 77


def test_no_tools_at_all_are_told_to_bedrock_where_none_may_be_called(crossing: Live) -> None:
    body = told(crossing, vendors.BEDROCK_CLAUDE, tools=[TOOL], tool_choice="none")
    assert "toolConfig" not in body


@pytest.mark.parametrize("model", [CLAUDE, vendors.GEMINI, vendors.NOVA])
def test_more_than_one_choice_is_refused_where_only_one_is_made(crossing: Live, model: str) -> None:
    if model == vendors.GEMINI:
        assert told(crossing, model, n=2)["generationConfig"]["candidateCount"] == 2
        return
    found = crossing.chat(hello(model=model, n=2))
    assert (found.status, refusal(found)["param"]) == (400, "n")
    assert crossing.upstream.count == 0
