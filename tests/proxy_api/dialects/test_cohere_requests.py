"""OpenAI requests as Cohere gets them. Shapes after https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import ModelFacts, facts
from proxy_api.dialects import cohere, openai_chat
from proxy_api.dialects.cohere.embeddings import MOST_TEXTS, embeddings_path, read_embeddings, write_embeddings
from proxy_api.embeddings import EmbeddingsRequest
from proxy_api.errors import BadRequest, UpstreamError

PNG = "data:image/png;base64,iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather"}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
SCHEMA = {"type": "object", "properties": {"z": {}, "a": {}}}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
THINKING, PLAIN = facts("command-a-reasoning-08-2025"), facts("command-a-03-2025")


def both(known: ModelFacts = PLAIN, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for Cohere, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": "command-x", "messages": HELLO, **fields})
    body, losses = cohere.write_request(asked, known)
    return body, {loss.param: loss.reason for loss in losses}


def crossed(known: ModelFacts = PLAIN, **fields: Any) -> dict[str, Any]:
    return both(known, **fields)[0]


def refused(**fields: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        crossed(**fields)
    return caught.value.param


def asking(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def answered(**fields: Any) -> list[dict[str, Any]]:
    return [*HELLO, {"role": "assistant", "content": None, **fields}]


def call(id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


UNHEARD: dict[str, Any] = {
    "user": "u",
    "metadata": {"a": "b"},
    "logit_bias": {"1": 2},
    "top_logprobs": 2,
    "service_tier": "auto",
    "parallel_tool_calls": False,
    "x_unheard_of": 1,
}
KEPT: dict[str, Any] = {
    "temperature": 0.5,
    "seed": 3,
    "logprobs": True,
    "safety_mode": "STRICT",
    "documents": ["a"],
}


def test_cohere_gets_no_field_that_it_does_not_know() -> None:
    renamed: dict[str, Any] = {"max_completion_tokens": 7, "top_p": 0.9, "top_k": 5, "stop": "END"}
    body, losses = both(**UNHEARD, **KEPT, **renamed, tools=[WEATHER], tool_choice="required", stream=True)
    function = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    assert body == {
        "model": "command-x",
        "messages": HELLO,
        **KEPT,
        "max_tokens": 7,
        "p": 0.9,
        "k": 5,
        "stop_sequences": ["END"],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "REQUIRED",
        "stream": True,
    }
    assert losses.keys() == UNHEARD.keys()


def test_values_are_kept_within_coheres_ranges_and_reported() -> None:
    body, losses = both(top_p=1, top_k=900, frequency_penalty=-2, presence_penalty=1.5, stop=list("abcdef"))
    told = {"p": 0.99, "k": 500, "frequency_penalty": 0, "presence_penalty": 1, "stop_sequences": list("abcde")}
    assert {name: body[name] for name in told} == told
    assert losses.keys() == {"top_p", "top_k", "frequency_penalty", "presence_penalty", "stop"}


TALK = [
    {"role": "developer", "content": "Be brief."},
    *asking(
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ),
    {"role": "assistant", "content": "Let me see.", "tool_calls": [call("weather_1", '{"a":1}')]},
    {"role": "tool", "tool_call_id": "weather_1", "content": [{"type": "text", "text": "sunny"}]},
]


def test_messages_of_every_role_cross() -> None:
    assert both(messages=TALK) == (
        {
            "model": "command-x",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    ],
                },
                {"role": "assistant", "content": "Let me see.", "tool_calls": [call("weather_1", '{"a":1}')]},
                {"role": "tool", "tool_call_id": "weather_1", "content": "sunny"},
            ],
            "stream": False,
        },
        {},
    )


def test_reasoning_goes_back_as_thinking_or_as_the_plan_of_a_call() -> None:
    thoughtful = answered(reasoning_content="Hm.", tool_calls=[call("a")])
    thinking = crossed(THINKING, messages=thoughtful)["messages"][1]
    assert thinking["content"] == [{"type": "thinking", "thinking": "Hm."}]
    plan, losses = both(PLAIN, messages=thoughtful)
    assert plan["messages"][1] == {"role": "assistant", "tool_calls": [call("a")], "tool_plan": "Hm."}
    assert losses == {}
    told, losses = both(PLAIN, messages=answered(reasoning_content="Hm.", content="Yes."))
    assert told["messages"][1]["content"] == "Yes."
    assert losses == {"messages[1].reasoning": "this model does not think"}


def test_files_of_text_are_said_as_text_and_others_are_refused() -> None:
    text = {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxi"}}
    body, losses = both(messages=asking(text))
    assert body["messages"][0]["content"] == "a.csv:\na,b"
    assert losses == {"messages[0].content[0]": "sent as text"}
    pdf = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}}
    assert refused(messages=asking({"type": "text", "text": "x"}, pdf)) == "messages[0].content[1]"


def test_what_cohere_cannot_be_told_is_refused_by_name() -> None:
    assert refused(n=2) == "n"
    assert refused(modalities=["audio"]) == "modalities"
    assert refused(messages=asking({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})) == (
        "messages[0].content[0]"
    )
    picture = {"type": "image_url", "image_url": {"url": PNG}}
    shown = [*answered(tool_calls=[call("a")]), {"role": "tool", "tool_call_id": "a", "content": [picture]}]
    assert refused(messages=shown) == "messages[2].content[0]"
    assert refused(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}}) == "tool_choice"


@pytest.mark.parametrize(("said", "told"), [("auto", None), ("none", "NONE"), ("required", "REQUIRED")])
def test_every_tool_choice_has_its_word(said: str, told: str | None) -> None:
    assert crossed(tools=[WEATHER], tool_choice=said).get("tool_choice") == told


def test_a_named_tool_is_forced_by_being_the_only_one() -> None:
    body, losses = both(tools=[WEATHER, CLOCK], tool_choice=CLOCK)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["clock"]
    assert (body["tool_choice"], losses) == ("REQUIRED", {})


def test_strictness_is_for_all_tools_or_none() -> None:
    strict = {"type": "function", "function": {"name": "clock", "strict": True}}
    assert crossed(tools=[strict])["strict_tools"] is True
    body, losses = both(tools=[WEATHER, strict])
    assert "strict_tools" not in body
    assert losses.keys() == {"tools[1].function.strict"}


def test_an_answer_in_json_has_its_format_without_tools() -> None:
    assert crossed(response_format={"type": "json_object"})["response_format"] == {"type": "json_object"}
    told = crossed(response_format=FORM)["response_format"]
    assert told == {"type": "json_object", "json_schema": SCHEMA}
    assert list(told["json_schema"]["properties"]) == ["z", "a"]


def test_beside_tools_a_schema_is_a_tool_and_json_is_asked_for_in_words() -> None:
    body, losses = both(tools=[WEATHER], response_format=FORM)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "json"]
    assert (body["tool_choice"], set(losses)) == ("REQUIRED", {"response_format"})
    body, losses = both(tools=[WEATHER], response_format={"type": "json_object"})
    assert "JSON" in body["messages"][0]["content"]
    assert losses.keys() == {"response_format"}
    body, losses = both(tools=[WEATHER], tool_choice="none", response_format=FORM)
    assert ("tools" in body, "response_format" in body, losses) == (False, True, {})
    body, losses = both(tools=[WEATHER], tool_choice=WEATHER, response_format=FORM)
    assert ("response_format" in body, set(losses)) == (False, {"response_format"})


@pytest.mark.parametrize(
    ("fields", "told", "lost"),
    [
        ({"reasoning_effort": "none"}, {"type": "disabled"}, set()),
        ({"reasoning_effort": "minimal", "max_tokens": 1000}, {"type": "enabled", "token_budget": 100}, set()),
        ({"reasoning_effort": "low", "max_tokens": 1000}, {"type": "enabled", "token_budget": 200}, set()),
        ({"reasoning_effort": "medium"}, {"type": "enabled", "token_budget": 4096}, set()),
        ({"reasoning_effort": "high"}, {"type": "enabled"}, set()),
        ({"reasoning_effort": "xhigh"}, {"type": "enabled"}, {"reasoning_effort"}),
        ({"reasoning_budget": 5}, {"type": "enabled", "token_budget": 5}, set()),
        ({"reasoning_budget": 0}, {"type": "disabled"}, set()),
        ({"reasoning_enabled": True}, {"type": "enabled"}, set()),
    ],
)
def test_b12_reasoning_is_a_budget(fields: dict[str, Any], told: Any, lost: set[str]) -> None:
    body, losses = both(THINKING, **fields)
    assert (body["thinking"], set(losses)) == (told, lost)


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    assert both(PLAIN, reasoning_effort="high") == (crossed(), {"reasoning_effort": "the model does not think"})
    assert both(PLAIN, reasoning_effort="none") == (crossed(), {})


def test_texts_are_embedded_as_documents_unless_told_otherwise() -> None:
    asked = EmbeddingsRequest("embed-v4.0", ("a", "b"), 256, {"user": "u"})
    body, losses = write_embeddings(asked)
    assert body == {
        "model": "embed-v4.0",
        "input_type": "search_document",
        "texts": ["a", "b"],
        "embedding_types": ["float"],
        "output_dimension": 256,
    }
    assert [loss.param for loss in losses] == ["user"]
    told = write_embeddings(EmbeddingsRequest("e", ("a",), None, {"input_type": "search_query"}))[0]
    assert (told["input_type"], embeddings_path("e")) == ("search_query", "/embed")
    with pytest.raises(BadRequest, match="96"):
        write_embeddings(EmbeddingsRequest("e", ("a",) * (MOST_TEXTS + 1)))


def test_vectors_are_found_by_their_type_or_alone() -> None:
    meta = {"billed_units": {"input_tokens": 3.0}}
    found = read_embeddings({"embeddings": {"float": [[1, 0.5]]}, "meta": meta})
    assert (found.vectors, found.input_tokens) == ([[1.0, 0.5]], 3)
    assert read_embeddings({"embeddings": [[1]]}).input_tokens is None
    shapeless: list[Any] = [{}, [], {"embeddings": {"int8": [[1]]}}, {"embeddings": {"float": ["a"]}}]
    for body in shapeless:
        with pytest.raises(UpstreamError):
            read_embeddings(body)
