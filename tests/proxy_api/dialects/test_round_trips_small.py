"""What is written for Mistral, Cohere and Ollama can be read back, one byte at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, ChatResponse
from proxy_api.dialects import DIALECTS, Dialect, openai_chat
from proxy_api.replay import collect, replay
from tests.proxy_api.dialects import talks
from tests.proxy_api.dialects.wire import frames, joined

mistral, cohere, ollama = DIALECTS["mistral"], DIALECTS["cohere"], DIALECTS["ollama"]
ABLE = ModelFacts(thinking="budget", takes_budget=True)


def bytewise(raw: bytes) -> Iterator[bytes | None]:
    for position in range(len(raw)):
        yield raw[position : position + 1]


def streamed(dialect: Dialect, response: ChatResponse) -> ChatResponse:
    """The answer after a way over the wire as a stream, in its own language and then in OpenAI's."""
    raw = joined(dialect.write_stream(replay(response), include_usage=True))
    client = joined(openai_chat.write_stream(dialect.read_stream(dialect.frames(bytewise(raw)), 1), True))
    return collect(openai_chat.read_stream(frames(client), 1))


@given(talks.mistral_requests())
def test_a_mistral_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = mistral.write_request(request, ABLE)
    assert (mistral.read_request(body), losses) == (request, ())


@given(talks.mistral_requests())
def test_a_mistral_request_survives_the_way_through_openai(request: ChatRequest) -> None:
    said, _ = openai_chat.write_request(request, ABLE)
    crossed, losses = mistral.write_request(openai_chat.read_request(said), ABLE)
    assert (crossed, losses) == (mistral.write_request(without_extra(request), ABLE)[0], ())


def without_extra(request: ChatRequest) -> ChatRequest:
    """Fields of one language alone do not cross."""
    return replace(request, extra={})


@given(talks.mistral_responses())
def test_a_mistral_answer_written_is_read_again(response: ChatResponse) -> None:
    assert mistral.read_response(mistral.write_response(response), 1) == response


@given(talks.mistral_responses())
def test_a_mistral_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    assert streamed(mistral, response) == response


@given(talks.cohere_requests())
def test_a_cohere_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = cohere.write_request(request, ABLE)
    assert (cohere.read_request(body), losses) == (request, ())


@given(talks.cohere_requests())
def test_a_cohere_request_survives_the_way_through_openai(request: ChatRequest) -> None:
    said, _ = openai_chat.write_request(without_extra(request), ABLE)
    crossed, losses = cohere.write_request(openai_chat.read_request(said), ABLE)
    assert (cohere.read_request(crossed), losses) == (without_extra(request), ())


@given(talks.cohere_responses())
def test_a_cohere_answer_written_is_read_again(response: ChatResponse) -> None:
    assert cohere.read_response(cohere.write_response(response), 1) == response


@given(talks.cohere_responses())
def test_a_cohere_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    assert streamed(cohere, response) == response


@given(talks.ollama_requests())
def test_an_ollama_request_written_is_read_again(request: ChatRequest) -> None:
    body, losses = ollama.write_request(request, ABLE)
    assert (ollama.read_request(body), losses) == (request, ())


@given(talks.ollama_requests())
def test_an_ollama_request_survives_the_way_through_openai(request: ChatRequest) -> None:
    said, _ = openai_chat.write_request(without_extra(request), ABLE)
    crossed, losses = ollama.write_request(openai_chat.read_request(said), ABLE)
    assert (ollama.read_request(crossed), losses) == (without_extra(request), ())


@given(talks.ollama_responses())
def test_an_ollama_answer_written_is_read_again(response: ChatResponse) -> None:
    assert ollama.read_response(ollama.write_response(response), 1) == response


@given(talks.ollama_responses())
def test_an_ollama_stream_is_read_again_byte_by_byte(response: ChatResponse) -> None:
    assert streamed(ollama, response) == response
