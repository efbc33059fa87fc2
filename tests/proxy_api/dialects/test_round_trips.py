"""What is written can be read back, in each language and through both, one byte at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, ChatResponse
from proxy_api.dialects import DIALECTS
from proxy_api.dialects.openai_chat import fold, judge, unfold
from proxy_api.replay import collect, replay
from tests import strategies
from tests.proxy_api.dialects.wire import frames, joined, payloads

openai, anthropic = DIALECTS["openai_chat"], DIALECTS["anthropic"]
ABLE = ModelFacts(max_output_tokens=64000, thinking="budget", structured_output=True)


@given(strategies.openai_responses())
def test_an_answer_replayed_is_collected_again(response: ChatResponse) -> None:
    assert collect(replay(response)) == response


@given(strategies.openai_responses())
def test_an_openai_answer_written_is_read_again(response: ChatResponse) -> None:
    assert openai.read_response(openai.write_response(response), 0) == response


@given(strategies.anthropic_responses())
def test_an_anthropic_answer_written_is_read_again(response: ChatResponse) -> None:
    assert anthropic.read_response(anthropic.write_response(response), 1) == response


@given(strategies.openai_responses())
def test_an_openai_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    raw = joined(openai.write_stream(replay(response), include_usage=True))
    assert collect(openai.read_stream(frames(raw), 0)) == response


@given(strategies.anthropic_responses())
def test_an_anthropic_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    raw = joined(anthropic.write_stream(replay(response), include_usage=True))
    assert collect(anthropic.read_stream(frames(raw), 1)) == response


@given(strategies.anthropic_responses())
def test_an_answer_survives_the_way_through_both_languages(response: ChatResponse) -> None:
    upstream = joined(anthropic.write_stream(replay(response), include_usage=True))
    client = joined(openai.write_stream(anthropic.read_stream(frames(upstream), 1), include_usage=True))
    assert collect(openai.read_stream(frames(client), 0)) == response


@given(strategies.anthropic_responses())
def test_the_chunks_of_a_crossing_stream_fold_into_the_same_text_and_calls(response: ChatResponse) -> None:
    raw = joined(openai.write_stream(replay(response), include_usage=True))
    folded = openai.read_response(fold(payloads(raw)), 0)
    assert folded.choices == response.choices
    assert folded.usage == response.usage


@given(strategies.openai_requests())
def test_an_openai_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = openai.write_request(request, ModelFacts())
    assert (openai.read_request(body), losses) == (request, ())


@given(strategies.anthropic_requests())
def test_an_anthropic_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = anthropic.write_request(request, ABLE)
    assert (anthropic.read_request(body), losses) == (request, ())


@given(strategies.anthropic_requests())
def test_a_request_survives_the_way_through_both_languages(request: ChatRequest) -> None:
    body, _ = openai.write_request(request, ModelFacts())
    crossed, losses = anthropic.write_request(openai.read_request(body), ABLE)
    assert (replace(anthropic.read_request(crossed)), losses) == (request, ())


@given(strategies.completions())
def test_a_completion_unfolded_into_a_stream_folds_back(completion: dict[str, object]) -> None:
    raw = unfold(completion, include_usage=True)
    assert fold(payloads(raw)) == completion
    assert judge(fold(payloads(unfold(completion, include_usage=False)))) == judge(completion)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_knows_its_own_name_and_path(name: str) -> None:
    assert DIALECTS[name].name == name
    assert DIALECTS[name].path("m", False).startswith("/")
