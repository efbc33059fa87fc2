"""A client that knows only OpenAI's words thinks on across a tool call: its thoughts are kept here (B15)."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from keys.secrecy.sealing import VERSION_UNDER
from tests import loopback
from tests.bodies import anthropic_answer, anthropic_blocks
from tests.live import Live
from tests.proxy_api.asking import CLAUDE, TOOL, anthropic, chunks, hello
from tests.proxy_api.vendors import gemini, gemini_says

THOUGHT = {"type": "thinking", "thinking": "Rome is asked for.", "signature": "c2lnbmVk"}
SEALED = {"type": "redacted_thinking", "data": "c2VhbGVk"}
SAID = {"type": "text", "text": "I look it up."}
USED = {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "weather", "input": {"city": "Rome"}}
OTHER = USED | {"id": "toolu_01B09q90qw90lq917835lq9", "input": {"city": "Oslo"}}
BLOCKS: list[dict[str, Any]] = [THOUGHT, SEALED, SAID, USED, THOUGHT | {"signature": "b3RoZXI="}, OTHER]


def first_turn(live: Live, stream: bool, **headers: str) -> dict[str, Any]:
    """The assistant's message as a client that knows OpenAI's fields alone keeps it."""
    wire = loopback.stream(anthropic_blocks(BLOCKS, "tool_use"))
    anthropic(live, wire if stream else loopback.answer(anthropic_answer(content=BLOCKS, stop_reason="tool_use")))
    answer = live.chat(asking(stream=stream), **headers)
    assert answer.status == 200
    return folded(chunks(answer.body)) if stream else plain(answer.json()["choices"][0]["message"])


def asking(*more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Weather in Rome and Oslo?"}, *more]
    return hello(**{"model": CLAUDE, "messages": messages, "tools": [TOOL], "reasoning_effort": "low", **fields})


def plain(message: dict[str, Any]) -> dict[str, Any]:
    calls = [{name: call[name] for name in ("id", "type", "function")} for call in message["tool_calls"]]
    return {"role": "assistant", "content": message["content"], "tool_calls": calls}


def folded(streamed: list[dict[str, Any]]) -> dict[str, Any]:
    text, calls = "", list[dict[str, Any]]()
    for chunk in streamed:
        delta = chunk["choices"][0]["delta"]
        text += delta.get("content") or ""
        for piece in delta.get("tool_calls", ()):
            if "id" in piece:
                calls.append({"id": piece["id"], "type": "function", "function": dict(piece["function"])})
            else:
                calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def second_turn(live: Live, message: dict[str, Any], **fields: Any) -> Any:
    """What the provider is told of the assistant's turn."""
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "20 C"} for call in message["tool_calls"]]
    anthropic(live, loopback.answer(anthropic_answer("Fine")))
    authorization = fields.pop("authorization", f"Bearer {live.token}")
    answer = live.chat(asking(message, *results, **fields), authorization=authorization)
    assert answer.status == 200
    return live.upstream.calls[-1].json()["messages"][1]["content"]


@pytest.mark.parametrize("stream", [False, True])
def test_every_block_is_told_again_as_the_model_gave_it(live: Live, stream: bool) -> None:
    assert second_turn(live, first_turn(live, stream)) == BLOCKS


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_sends_its_reasoning_back_needs_no_vault(live: Live, stream: bool) -> None:
    message = first_turn(live, stream)
    message["reasoning"] = [{"id": "bXk=", "content": "Mine"}]
    blocks = second_turn(live, message)
    assert blocks[0] == {"type": "thinking", "thinking": "Mine", "signature": "bXk="}
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]


def test_another_key_and_another_model_are_told_nothing(live: Live) -> None:
    message = first_turn(live, False)
    others = (
        {"authorization": f"Bearer {live.key('another')}"},
        {"model": "anthropic/claude-sonnet-4-0"},
    )
    for fields in others:
        blocks = second_turn(live, message, **fields)
        assert [block["type"] for block in blocks] == ["text", "tool_use", "tool_use"]


SEAL = """
from keys.models import VirtualKey
key = VirtualKey.objects.get(name="sealed thinker")
key.seal_to_caller = True
key.save()
"""


def test_thoughts_of_a_key_that_seals_to_its_caller_are_nobody_elses_to_read(live: Live) -> None:
    """With the database, the master keys and the pepper: all that the installation keeps."""
    token = live.key("sealed thinker")
    live.python(SEAL)
    with redis.Redis.from_url(live.valkey.url, db=1) as client:
        before = set(client.keys("r:*"))
        message = first_turn(live, False, authorization=f"Bearer {token}")
        sealed = {client.get(name)[:1] for name in set(client.keys("r:*")) - before}
    assert sealed == {VERSION_UNDER}
    assert second_turn(live, message, authorization=f"Bearer {token}") == BLOCKS


# -- Gemini -----------------------------------------------------------------------------------------------------------
GEMINI = "google/gemini-3-pro-preview"
SIGNED = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "c2lnbmVk"}
UNSIGNED = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}


@pytest.mark.parametrize("stream", [False, True])
def test_b15_a_signature_of_gemini_survives_a_client_that_drops_it(crossing: Live, stream: bool) -> None:
    gemini_says(crossing, gemini(SIGNED, UNSIGNED), model=GEMINI)
    answer = crossing.chat(asking(model=GEMINI, stream=stream))
    assert answer.status == 200
    message = folded(chunks(answer.body)) if stream else plain(answer.json()["choices"][0]["message"])
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "20 C"} for call in message["tool_calls"]]
    gemini_says(crossing, gemini({"text": "Fine"}), model=GEMINI)
    assert crossing.chat(asking(message, *results, model=GEMINI)).status == 200
    told = crossing.upstream.calls[-1].json()["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in told] == ["c2lnbmVk", None]
    assert [part["functionCall"]["args"] for part in told] == [{"city": "Rome"}, {"city": "Oslo"}]
