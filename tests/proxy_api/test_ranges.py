"""Values that only some providers take: each target gets the number and answers itself; a clamp is told."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import DIALECTS, openai_chat
from proxy_api.errors import BadRequest
from tests.live import Live
from tests.loopback import answer
from tests.proxy_api.asking import hello, refusal
from tests.proxy_api.test_responses_calls import UPSTREAM_RESPONSES, asked

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def crossed(dialect: str, **fields: Any) -> tuple[str, list[str]]:
    """The body for the provider as text, and the params of the loss report."""
    body, losses = DIALECTS[dialect].write_request(openai_chat.read_request({**ASKED, **fields}), facts("m"))
    return str(body), [loss.param for loss in losses]


@pytest.mark.parametrize("dialect", ["google", "openai_responses", "mistral", "cohere", "ollama"])
def test_a_temperature_that_another_provider_may_take_is_said(dialect: str) -> None:
    told, losses = crossed(dialect, temperature=1000)
    assert ("1000" in told, losses) == (True, [])


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock_converse"])
@pytest.mark.parametrize(("asked", "said"), [(1000, 1), (-1, 0)])
def test_a_language_that_clamps_does_so_and_tells(dialect: str, asked: int, said: int) -> None:
    told, losses = crossed(dialect, temperature=asked)
    assert (f"'temperature': {said}" in told, losses) == (True, ["temperature"])


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_no_limit_is_a_word_of_openais_language_alone(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        crossed("anthropic", **{name: -1})
    assert caught.value.param == name


def test_the_providers_own_sentence_about_its_range_comes_back(live: Live) -> None:
    said = {"message": "Expected a value >= 0, but got -1", "param": "temperature", "type": "invalid_request_error"}
    live.upstream.script(answer({"error": said}, 400), path=UPSTREAM_RESPONSES)
    found = live.chat(hello(model="openai:responses/gpt-4o", temperature=-1))
    assert asked(live)["temperature"] == -1
    assert (found.status, refusal(found)["param"]) == (400, "temperature")
    assert said["message"] in refusal(found)["message"]


def test_openais_own_chat_is_refused_before_the_call(live: Live) -> None:
    found = live.chat(hello(temperature=-1))
    assert (found.status, refusal(found)["param"]) == (400, "temperature")
    assert live.upstream.count == 0
