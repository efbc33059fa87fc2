"""Calls for models that answer only in OpenAI's Responses, against the running server (contract, B20 and B21)."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from proxy_api.framing import sse
from tests.live import Live
from tests.loopback import answer, stream
from tests.proxy_api.asking import TOOL, chunks, hello, refusal, text_of

UPSTREAM_RESPONSES = "/v1/responses"
CODEX = "openai/gpt-5-codex"
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}"}


def response(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    head = {"id": "resp_1", "object": "response", "created_at": 5, "model": "gpt-5-codex", "status": status}
    return {**head, "error": None, "output": list(output), "usage": usage, **fields}


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def event(kind: str, **fields: Any) -> bytes:
    return sse(json.dumps({"type": f"response.{kind}", **fields}).encode(), f"response.{kind}".encode())


def spoken(*words: str) -> list[bytes]:
    """The frames of a streamed response."""
    return [
        event("created", response=response(status="in_progress", usage=None)),
        *(event("output_text.delta", output_index=0, content_index=0, delta=word) for word in words),
        event("completed", response=response(message("".join(words)))),
    ]


def asked(live: Live) -> dict[str, Any]:
    received = live.upstream.calls[-1]
    assert received.path == UPSTREAM_RESPONSES
    found: dict[str, Any] = received.json()
    return found


def test_b21_a_call_with_text_and_tools_crosses_to_responses_and_back(live: Live) -> None:
    live.upstream.script(answer(response(message("Let me see."), CALL)), path=UPSTREAM_RESPONSES)
    strict = {**TOOL, "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    said = live.chat(hello(model=CODEX, tools=[strict], max_tokens=50)).json()
    body = asked(live)
    assert (body["model"], body["max_output_tokens"], body["store"]) == ("gpt-5-codex", 50, False)
    assert body["tools"][0]["strict"] is True
    choice = said["choices"][0]
    assert choice["message"]["content"] == "Let me see."
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_1"]
    assert (choice["finish_reason"], said["usage"]["total_tokens"]) == ("tool_calls", 7)


def test_what_the_assistant_said_is_told_beside_its_calls_and_results_go_by_their_call_id(live: Live) -> None:
    live.upstream.script(answer(response(message("Sunny"))), path=UPSTREAM_RESPONSES)
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turn = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "20 C"},
    ]
    assert live.chat(hello(model=CODEX, messages=turn, tools=[TOOL], max_completion_tokens=70)).status == 200
    _, said, called, result = asked(live)["input"]
    assert (said["role"], said["content"]) == ("assistant", [{"type": "output_text", "text": "Let me see."}])
    assert (called["type"], called["call_id"], called["name"]) == ("function_call", "call_1", "weather")
    assert (result["type"], result["call_id"], result["output"]) == ("function_call_output", "call_1", "20 C")
    assert asked(live)["max_output_tokens"] == 70


def test_b21_a_cut_answer_says_length(live: Live) -> None:
    cut = response(message("Half"), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    live.upstream.script(answer(cut), path=UPSTREAM_RESPONSES)
    assert live.chat(hello(model=CODEX)).json()["choices"][0]["finish_reason"] == "length"


def test_b20_a_responses_stream_is_an_event_stream_and_arrives_in_pieces(live: Live) -> None:
    live.upstream.script(stream(spoken("One ", "two ", "three"), gap=0.3), path=UPSTREAM_RESPONSES)
    body = json.dumps(hello(model=CODEX, stream=True)).encode()
    head = f"POST /v1/proxy/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    arrivals: list[tuple[float, bytes]] = []
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.settimeout(10)
        sock.sendall(head.encode() + body)
        while data := sock.recv(1 << 16):
            arrivals.append((time.monotonic(), data))
    raw = b"".join(data for _, data in arrivals)
    assert b"content-type: text/event-stream" in raw.lower()
    first = next(at for at, data in arrivals if b"One " in data)
    last = next(at for at, data in arrivals if b"three" in data)
    assert last - first > 0.4


def test_a_responses_stream_is_whole_under_one_id(live: Live) -> None:
    live.upstream.script(stream(spoken("Hel", "lo")), path=UPSTREAM_RESPONSES)
    got = live.chat(hello(model=CODEX, stream=True, stream_options={"include_usage": True}))
    pieces = chunks(got.body)
    assert text_of(pieces) == "Hello"
    assert {piece["id"] for piece in pieces} == {"resp_1"}
    assert pieces[-1]["usage"]["prompt_tokens"] == 5


def test_a_responses_stream_that_fails_says_so_last(live: Live) -> None:
    failed = response(status="failed", error={"code": "server_error", "message": "It broke"})
    live.upstream.script(stream([*spoken("Hel")[:2], event("failed", response=failed)]), path=UPSTREAM_RESPONSES)
    got = live.chat(hello(model=CODEX, stream=True))
    assert b"It broke" in got.body.rstrip().rpartition(b"\n\n")[2]
    assert b"[DONE]" not in got.body


def test_what_responses_has_no_word_for_is_told(live: Live) -> None:
    live.upstream.script(answer(response(message("x"))), path=UPSTREAM_RESPONSES)
    got = live.chat(hello(model=CODEX, seed=5, stop=["x"]))
    assert "seed" in got.headers["x-dragoman-dropped"]
    assert "stop" in got.headers["x-dragoman-dropped"]
    strict = live.chat(hello(model=CODEX, seed=6), x_dragoman_strict="1")
    assert (strict.status, refusal(strict)["param"]) == (400, "seed")
