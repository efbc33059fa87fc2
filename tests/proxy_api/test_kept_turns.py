"""Conversations whose earlier turns the provider keeps: said where they can be, refused where they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import DIALECTS, openai_chat, openai_responses
from proxy_api.errors import BadRequest
from proxy_api.kept_turns import check_whole
from proxy_api.shape import check_chat
from tests.live import Live
from tests.loopback import answer
from tests.proxy_api.asking import CLAUDE, anthropic, hello, refusal
from tests.proxy_api.test_responses_calls import CODEX, UPSTREAM_RESPONSES, asked, message, response

RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
ITEM = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
ELSEWHERE = sorted(set(DIALECTS) - {"openai_responses"})
KEPT = [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}]


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4.1", "messages": [RESULT], **fields}


@pytest.mark.parametrize("kept", KEPT)
def test_a_result_may_answer_a_call_of_a_turn_that_the_provider_keeps(kept: dict[str, Any]) -> None:
    check_chat(chat(**kept))
    check_whole(chat(**kept), "openai_responses")
    told, losses = openai_responses.write_request(openai_chat.read_request(chat(**kept)), facts("gpt-4.1"))
    assert (told["input"], losses) == ([ITEM], ())
    assert {name: told[name] for name in kept} == kept


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("dialect", ELSEWHERE)
def test_a_provider_that_keeps_no_conversation_is_not_asked_to_go_on_with_one(
    dialect: str, kept: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest) as caught:
        check_whole(chat(**kept), dialect)
    assert (caught.value.param, caught.value.code) == (next(iter(kept)), "unsupported_parameter")


@pytest.mark.parametrize("named", [{}, {"previous_response_id": None}, {"conversation": ""}, {"user": "conv_1"}])
@pytest.mark.parametrize("dialect", ELSEWHERE)
def test_a_result_without_its_call_is_refused_where_no_turn_can_be_kept(dialect: str, named: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        check_whole(chat(**named), dialect)
    assert caught.value.param == "messages[0].role"
    check_whole({**chat(**named), "messages": [CALL, RESULT]}, dialect)


def test_a_kept_conversation_goes_on_at_its_provider(live: Live) -> None:
    live.upstream.script(answer(response(message("Sunny."))), path=UPSTREAM_RESPONSES)
    kept = {"previous_response_id": "resp_1", "store": True}
    said = live.chat(hello(model=CODEX, messages=[RESULT], **kept)).json()
    assert said["choices"][0]["message"]["content"] == "Sunny."
    assert asked(live)["input"] == [ITEM]
    assert {name: asked(live)[name] for name in kept} == kept


def test_a_result_that_openai_would_refuse_in_its_own_chat_is_refused_before_the_call(live: Live) -> None:
    found = live.chat(hello(messages=[RESULT]))
    assert (found.status, refusal(found)["param"]) == (400, "messages[0].role")
    assert live.upstream.count == 0


def test_a_kept_conversation_is_refused_before_a_call_where_it_would_lose_its_beginning(live: Live) -> None:
    anthropic(live, answer({}))
    found = live.chat(hello(model=CLAUDE, previous_response_id="resp_1"))
    assert (found.status, refusal(found)["param"]) == (400, "previous_response_id")
    assert live.upstream.count == 0
