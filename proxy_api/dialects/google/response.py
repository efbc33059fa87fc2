"""A Gemini answer, both ways. https://ai.google.dev/api/generate-content#generatecontentresponse

Read as a stream of one event. What Google says about its answer beside it (grounding, citations, safety ratings) is
kept in the answer's extra field `google`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, assert_never

from proxy_api.chat import (
    JSON,
    Audio,
    ChatResponse,
    Choice,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.google.answer import word_of, write_usage
from proxy_api.dialects.google.fields import get
from proxy_api.dialects.google.stream_in import State, end, take
from proxy_api.errors import UpstreamError
from proxy_api.replay import collect

_BESIDE = ("groundingMetadata", "citationMetadata", "urlContextMetadata", "safetyRatings")


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises what an error object in a 200 means, UpstreamError for anything that is no answer and for a model that
    did wrong and said nothing, UpstreamIncomplete without a finish reason. now: Unix seconds."""
    pieces = body if isinstance(body, list) else [body]
    if not pieces or not all(isinstance(piece, dict) for piece in pieces):
        raise UpstreamError("The provider's answer is no JSON object")
    state = State(now)
    events = [event for piece in pieces for event in take(state, piece)]
    response = collect([*events, *end(state)])
    beside = [kept for piece in pieces for kept in _beside(piece)]
    return replace(response, extra={"google": {"candidates": beside}}) if beside else response


def _beside(piece: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for position, candidate in enumerate(piece.get("candidates") or ()):
        kept = {name: get(candidate, name) for name in _BESIDE if get(candidate, name)}
        if kept:
            yield {"index": candidate.get("index", position), **kept}


def write_response(response: ChatResponse) -> dict[str, Any]:
    return {
        "candidates": [_candidate(choice) for choice in response.choices],
        "usageMetadata": write_usage(response.usage or Usage()),
        "modelVersion": response.model,
        "responseId": response.id,
    }


def _candidate(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "content": {"role": "model", "parts": [said for part in choice.parts if (said := write_part(part))]},
        "finishReason": word_of(choice),
    }


def write_part(part: Part) -> dict[str, Any] | None:
    """None for what an answer of Gemini's has no part for."""
    match part:
        case Text():
            return {"text": part.text} | signed(part.signature)
        case Reasoning(redacted=None):
            return {"text": part.text, "thought": True} | signed(part.signature)
        case ToolCall():
            call = {"name": part.name, "args": json.loads(part.arguments or "{}")}
            return {"functionCall": call | ({"id": part.id} if part.id else {})} | signed(part.signature)
        case Refusal():
            return {"text": part.text}
        case Image() | Audio():
            return _blob(part)
        case Reasoning() | File() | ToolResult() | Opaque():
            return None
        case _:
            assert_never(part)


def _blob(part: Image | Audio) -> dict[str, Any] | None:
    if isinstance(part, Image):
        said = {"inlineData": {"mimeType": part.media_type, "data": part.data}} | signed(part.signature)
        return said if part.data is not None else None
    kind = "L16;codec=pcm;rate=24000" if part.format == "pcm16" else part.format
    return {"inlineData": {"mimeType": f"audio/{kind}", "data": part.data}}


def signed(signature: str | None) -> dict[str, Any]:
    return {} if signature is None else {"thoughtSignature": signature}
