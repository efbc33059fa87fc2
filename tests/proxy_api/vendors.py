"""What providers with a language of their own answer at the loopback upstream, plain and streamed.

Shapes after https://ai.google.dev/api/generate-content and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from proxy_api.framing import sse
from proxy_api.framing_aws import event
from tests.live import Live
from tests.loopback import Behaviour, answer, chunk, chunked_head, finished, stream

GEMINI = "google/gemini-2.5-flash"
NOVA = "bedrock/us.amazon.nova-2-lite-v1:0"
BEDROCK_CLAUDE = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MISTRAL = "mistral/mistral-large-latest"
GEMINI_USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "totalTokenCount": 17}
CONVERSE_USAGE = {
    "inputTokens": 10,
    "outputTokens": 7,
    "totalTokens": 42,
    "cacheReadInputTokens": 20,
    "cacheWriteInputTokens": 5,
}


def gemini(*parts: dict[str, Any], finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """An answer, or an event of a stream."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    said = {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "usageMetadata": GEMINI_USAGE}
    return {"responseId": "r1", "modelVersion": "gemini-2.5-flash", **said, **fields}


def gemini_says(live: Live, *events: dict[str, Any], model: str = GEMINI) -> None:
    """The events where a stream is asked for, the last of them where it is not."""
    path = f"/v1beta/models/{model.partition('/')[2]}:"
    live.upstream.script(answer(events[-1]), path=f"{path}generateContent")
    frames = [sse(json.dumps(one).encode()) for one in events]
    live.upstream.script(stream(frames), path=f"{path}streamGenerateContent")


def converse(*content: dict[str, Any], stop: str = "end_turn", **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(content)}
    return {"output": {"message": message}, "stopReason": stop, "usage": CONVERSE_USAGE, **fields}


def converse_stream(*events: tuple[str, dict[str, Any]], gap: float = 0.0) -> Behaviour:
    """A binary stream of (kind, event) with its start, its stop and its metadata."""
    start = ("messageStart", {"role": "assistant"})
    told = [start, *events, ("metadata", {"usage": CONVERSE_USAGE, "metrics": {"latencyMs": 5}})]
    pieces = [event(kind, json.dumps(said).encode()) for kind, said in told]
    head = chunked_head(content_type="application/vnd.amazon.eventstream")

    def behave(call: Any) -> None:
        call.write(head)
        for piece in pieces:
            call.write(chunk(piece))
            call.pause(gap)
        finished(call)

    return behave


def delta(index: int, **said: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": said}


def tool_start(index: int, id: str, name: str) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}}


def block_stop(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


def message_stop(reason: str = "end_turn") -> tuple[str, dict[str, Any]]:
    return "messageStop", {"stopReason": reason}


def converse_path(model: str, method: str = "converse") -> str:
    return f"/model/{quote(model.partition('/')[2], safe='')}/{method}"


def sent(live: Live) -> Any:
    """The body of the last call that reached a provider."""
    return live.upstream.calls[-1].json()


def calls_of(message: dict[str, Any]) -> Sequence[tuple[str, str, str]]:
    """(id, name, arguments) of a message's tool calls."""
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
