"""The two ways back, as pure functions: what is filled in, and what is worth keeping."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api import relay
from proxy_api.body import read
from proxy_api.chat import ChatRequest
from proxy_api.dialects import Dialect
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Route

ASKED = read(b'{"model":"m","messages":[{"role":"user","content":"Hello"}]}')
KEY = Credential(id="c", name="c", provider="", secret=Secret("k"))
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
}


def crossing(provider: str, dialect: str, model: str = "m") -> relay.Crossing:
    route = Route(PROVIDERS[provider], model, KEY, spoken=dialect)
    way = relay.way_for(route, ASKED, relay.Keeping(True, 7, "chatcmpl-1"))
    assert isinstance(way, relay.Crossing)
    return way


def plain(way: relay.Crossing, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(way.plain(json.dumps(answer).encode()))
    return found


def test_an_answer_without_id_and_model_gets_the_calls_id_and_the_routes_model() -> None:
    way = crossing("bedrock", "bedrock_converse", "nova")
    found = plain(way, CONVERSE)
    assert (found["id"], found["model"], way.facts.model) == ("chatcmpl-1", "nova", "nova")


def test_a_stream_without_id_and_model_gets_them_in_every_chunk() -> None:
    lines = [
        {"model": "", "message": {"role": "assistant", "content": "Hi"}, "done": False},
        {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 1},
    ]
    way = crossing("ollama", "ollama", "llama3")

    def pieces() -> Iterator[bytes]:
        yield b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    frames = b"".join(frame for frame in way.stream(pieces()) if frame)
    chunks = [json.loads(line[6:]) for line in frames.splitlines() if line.startswith(b"data: {")]
    assert {(chunk["id"], chunk["model"]) for chunk in chunks} == {("chatcmpl-1", "llama3")}


@pytest.mark.parametrize(
    ("finish", "native", "sound"),
    [
        ("stop", "end_turn", True),
        ("length", "max_tokens", True),
        ("tool_calls", None, True),
        ("content_filter", "guardrail_intervened", False),
        ("stop", "malformed_tool_use", False),
        ("stop", "MALFORMED_FUNCTION_CALL", False),
    ],
)
def test_filtered_and_faulty_answers_are_not_worth_keeping(finish: str, native: str | None, sound: bool) -> None:
    assert relay.Facts(finish_reasons=[finish], native_finish_reason=native).sound is sound


def test_a_verbatim_way_needs_nothing_beside_the_clients_words_and_reads_nothing() -> None:
    """It would be work for nothing: what comes back is what the provider said."""

    def completing(asked: ChatRequest, dialect: Dialect) -> Generator[None, None, ChatRequest]:
        raise AssertionError("never asked")

    way = relay.way_for(Route(PROVIDERS["openai"], "m", KEY), ASKED, relay.Keeping(False, 7))
    assert list(way.complete(completing)) == []
    assert (way.request(), way.headers, way.turn()) == (ASKED.raw, {}, relay.Turn())


def test_what_a_crossing_is_completed_with_goes_out_with_it() -> None:
    def completing(asked: ChatRequest, dialect: Dialect) -> Generator[None, None, ChatRequest]:
        yield None
        return replace(asked, betas=("context-1m-2025-08-07",))

    way = crossing("anthropic", "anthropic", "claude-sonnet-4-5")
    assert list(way.complete(completing)) == [None]
    way.request()
    assert way.headers == {"anthropic-beta": "context-1m-2025-08-07"}
    assert way.turn() == relay.Turn(way.asked.messages, [])
