"""One wrong piece in a sound answer of Mistral, Cohere or Ollama: an answer or our error, never a crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.dialects import DIALECTS, openai_chat
from proxy_api.errors import GatewayError
from proxy_api.framing import Frame
from proxy_api.replay import collect

many = settings(max_examples=6 * settings.default.max_examples)
WRONG: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], {}, [1], ["x"], [None], {"x": 1}, [[]], [{}]]
rubbish = st.sampled_from(WRONG)
Tree = Any

CALL = {"id": "a", "index": 0, "function": {"name": "f", "arguments": '{"a":1}'}}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "x"}], "signature": "s", "closed": True}
LOGPROBS = {"content": [{"token": "x", "logprob": -1}]}
COUNTS = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}}
TOKENS = {"tokens": {"input_tokens": 1, "output_tokens": 1}, "billed_units": {"input_tokens": 1}, "cached_tokens": 1}
CITATION = {"start": 0, "end": 1, "sources": [{"type": "document", "document": {"url": "u", "title": "t"}}]}
PIECES = [{"text": "x", "token_ids": [1], "logprobs": [-1]}]


def mistral(word: str) -> Tree:
    said = {"role": "assistant", "content": [THINKING, {"type": "text", "text": "x"}], "tool_calls": [CALL]}
    choice = {"index": 0, word: said, "finish_reason": "stop", "logprobs": LOGPROBS}
    return {"id": "m", "created": 1, "model": "x", "choices": [choice], "usage": COUNTS}


def cohere(kind: str, **message: Any) -> Tree:
    return {"type": kind, "index": 0, "id": "c", "delta": {"message": message}, "logprobs": PIECES}


OLLAMA = {
    "model": "x",
    "created_at": "2026-08-07T06:08:09.335586Z",
    "message": {"role": "assistant", "content": "x", "thinking": "x", "tool_calls": [CALL]},
    "done": True,
    "done_reason": "stop",
    "logprobs": [{"token": "x", "logprob": -1}],
    "prompt_eval_count": 1,
    "eval_count": 1,
}
BODIES: dict[str, Tree] = {
    "mistral": mistral("message"),
    "cohere": {
        "id": "c",
        "message": {
            "content": [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "x"}],
            "tool_plan": "x",
            "tool_calls": [CALL],
            "citations": [CITATION],
        },
        "finish_reason": "COMPLETE",
        "usage": TOKENS,
        "logprobs": PIECES,
    },
    "ollama": OLLAMA,
}
STREAMS: dict[str, list[Tree]] = {
    "mistral": [mistral("delta"), mistral("delta")],
    "cohere": [
        cohere("message-start", role="assistant"),
        cohere("content-start", content={"type": "thinking", "thinking": "x"}),
        cohere("content-delta", content={"text": "x"}),
        cohere("tool-plan-delta", tool_plan="x"),
        cohere("tool-call-start", tool_calls=CALL),
        cohere("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
        cohere("tool-call-end"),
        cohere("citation-start", citations=CITATION),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": TOKENS}},
    ],
    "ollama": [OLLAMA | {"done": False}, OLLAMA],
}


def places(tree: Tree, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in the tree."""
    yield path
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def spoilt(tree: Tree, path: tuple[Any, ...], value: Any) -> Tree:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = spoilt(tree[path[0]], path[1:], value)
    return copy


def spoiling(tree: Tree) -> st.SearchStrategy[Tree]:
    return st.builds(spoilt, st.just(tree), st.sampled_from(list(places(tree))), rubbish)


@pytest.mark.parametrize("name", sorted(BODIES))
@many
@given(data=st.data())
def test_a_body_with_one_wrong_piece(name: str, data: st.DataObject) -> None:
    body = data.draw(spoiling(BODIES[name]))
    with suppress(GatewayError):
        orjson.dumps(openai_chat.write_response(DIALECTS[name].read_response(body, 1)))


@pytest.mark.parametrize("name", sorted(STREAMS))
@many
@given(data=st.data())
def test_a_stream_with_one_wrong_piece(name: str, data: st.DataObject) -> None:
    events = data.draw(spoiling(STREAMS[name]).filter(lambda tree: isinstance(tree, list)))
    frames = [Frame(b"", None, orjson.dumps(event)) for event in events] + [Frame(b"", None, b"[DONE]")]
    with suppress(GatewayError):
        read = list(DIALECTS[name].read_stream(iter(frames), 1))
        list(openai_chat.write_stream(iter(read), True))
        orjson.dumps(openai_chat.write_response(collect(read)))


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_sound_answer_is_one(name: str) -> None:
    DIALECTS[name].read_response(BODIES[name], 1)
    frames = [Frame(b"", None, orjson.dumps(event)) for event in STREAMS[name]] + [Frame(b"", None, b"[DONE]")]
    collect(DIALECTS[name].read_stream(iter(frames), 1))
