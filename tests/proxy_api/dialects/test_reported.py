"""What stands beside the content of a request is told to every language, or its loss is reported by its place."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import DIALECTS, openai_chat
from tests.proxy_api.dialects.can_ask import MODELS

every_language = pytest.mark.parametrize("name", sorted(DIALECTS))
HELLO = {"role": "user", "content": "Hello"}


def told(name: str, *messages: dict[str, Any], model: str | None = None, **fields: Any) -> tuple[str, dict[str, str]]:
    """The body as JSON text, and what was reported: param -> reason."""
    asked = openai_chat.read_request({"model": model or MODELS[name], "messages": list(messages or [HELLO]), **fields})
    body, losses = DIALECTS[name].write_request(asked, facts(asked.model))
    return orjson.dumps(body).decode(), {loss.param: loss.reason for loss in losses}


@every_language
def test_the_name_of_a_speaker(name: str) -> None:
    body, lost = told(name, {"role": "system", "content": "Be brief."}, HELLO | {"name": "Ada"})
    assert ("Ada" in body) != ("messages[1].name" in lost)


@every_language
def test_a_place_in_the_middle_of_the_talk(name: str) -> None:
    body, lost = told(name, HELLO, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Again"})
    assert (body.index("Hello") < body.index("Be brief.") < body.index("Again")) != ("messages[1].role" in lost)


@every_language
def test_what_an_answers_format_says_about_itself(name: str) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "pet", "description": "A pet.", "schema": schema}}
    assert "A pet." in told(name, response_format=form)[0]


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def answered(*content: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """A talk in which a tool was called and said this."""
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    return [HELLO, called, {"role": "tool", "tool_call_id": "call_1", "content": list(content), **fields}]


def text(said: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **fields}


@every_language
def test_two_texts_of_a_result_stay_two(name: str) -> None:
    body, _ = told(name, *answered(text("12"), text("34")))
    assert "12" in body
    assert "1234" not in body


def test_media_of_a_result_that_an_earlier_gemini_gets_beside_it() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    _, lost = told("google", *answered(text("Look"), picture), model="gemini-2.5-flash")
    assert lost.keys() == {"messages[2].content"}
    assert told("google", *answered(text("Look"), picture), model="gemini-3-flash-preview")[1] == {}


def pdf(filename: str) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": filename, "file_data": "data:application/pdf;base64,JVBERg=="}}


def test_a_documents_name_that_bedrock_refuses() -> None:
    said = {"role": "user", "content": [text("Read"), pdf("a plan.pdf"), pdf("a_plan.pdf"), pdf("a plan")]}
    body, lost = told("bedrock_converse", said)
    names = [block["document"]["name"] for block in orjson.loads(body)["messages"][0]["content"][1:]]
    assert names == ["a plan", "a-plan", "a plan (2)"]
    assert lost.keys() == {f"messages[0].content[{place}].file.filename" for place in (2, 3)}


def test_marks_of_a_result_beyond_the_one_that_bedrock_has_room_for() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body, lost = told("bedrock_converse", *answered(text("12", **mark), text("34", **mark)))
    assert body.count("cachePoint") == 1
    assert lost.keys() >= {"messages[2].content[1].cache_control"}
    assert "messages[2].content[0].cache_control" not in lost


@pytest.mark.parametrize(
    ("model", "effort", "lost"),
    [
        ("gpt-5.2", "medium", set()),  # it does not reason unless it is told to
        ("o3", None, set()),
        ("gpt-4o", None, {"reasoning_enabled"}),
        ("my-deployment", None, {"reasoning_enabled"}),
    ],
)
def test_reasoning_that_is_only_switched_on_at_openai(model: str, effort: str | None, lost: set[str]) -> None:
    body, losses = told("openai_responses", model=model, reasoning_enabled=True)
    assert (orjson.loads(body).get("reasoning", {}).get("effort"), set(losses)) == (effort, lost)


def test_what_an_answer_of_responses_will_not_hold() -> None:
    asked: dict[str, Any] = {"modalities": ["text", "image"], "logprobs": True, "top_logprobs": 2}
    assert told("openai_responses", model="gpt-4o", **asked)[1].keys() == {"modalities"}
    assert told("openai_responses", model="o3", **asked)[1].keys() == asked.keys()
