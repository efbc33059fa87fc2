"""What Gemini's words for the end of an answer and its token counts mean.

https://ai.google.dev/api/generate-content#FinishReason, https://ai.google.dev/api/generate-content#UsageMetadata
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from proxy_api.chat import Choice, FinishReason, Usage
from proxy_api.dialects.google.fields import get

# Words of tomorrow are `stop`.
_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
# The model did wrong: what it said is the answer, and where it said nothing there is none.
FAULTS = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
# Vertex AI gives numbers where it is asked by `$alt=json;enum-encoding=int`; later numbers differ between its hosts.
_NUMBERED = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
)
_WORDS: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}


def native_reason(said: Any) -> str | None:
    """The word of a candidate that has ended; None while it has not."""
    if type(said) is int:
        said = _NUMBERED[said] if 0 <= said < len(_NUMBERED) else str(said)
    return said if isinstance(said, str) and said not in ("", "FINISH_REASON_UNSPECIFIED") else None


def finish_reason(native: str, calls: bool) -> FinishReason:
    """calls: the answer has tool calls; with a normal stop they are what it stopped for."""
    reason = _REASONS.get(native, "stop")
    return "tool_calls" if calls and reason == "stop" and native not in FAULTS else reason


def word_of(choice: Choice) -> str:
    native = choice.native_finish_reason
    return native if native in _REASONS and native is not None else _WORDS[choice.finish_reason]


def read_usage(said: dict[str, Any]) -> Usage:
    """Gemini counts thoughts beside the candidates, and what its tools read beside the prompt; we count them in."""
    thoughts = get(said, "thoughtsTokenCount") or 0
    return Usage(
        input_tokens=(get(said, "promptTokenCount") or 0) + (get(said, "toolUsePromptTokenCount") or 0),
        output_tokens=(get(said, "candidatesTokenCount") or 0) + thoughts,
        cached_tokens=get(said, "cachedContentTokenCount") or 0,
        reasoning_tokens=thoughts,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    fields = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
    }
    kept = {name: count for name, count in fields.items() if count}
    return {"promptTokenCount": 0, **kept, "totalTokenCount": usage.input_tokens + usage.output_tokens}


def made_id(answer: str, now: int, choice: int, index: int) -> str:
    """The id of a call that Gemini gave none: the same for the same place in the same answer."""
    place = f"{answer}/{now}/{choice}/{index}".encode()
    return f"call_{blake2b(place, digest_size=12).hexdigest()}"


def read_logprobs(said: Any) -> dict[str, Any] | None:
    """logprobsResult, https://ai.google.dev/api/generate-content#LogprobsResult, as OpenAI has it."""
    chosen = get(said, "chosenCandidates") if isinstance(said, dict) else None
    if not chosen:
        return None
    others = get(said, "topCandidates") or []
    tokens = [
        _token(token) | {"top_logprobs": [_token(other) for other in (tops.get("candidates") or ())]}
        for token, tops in zip(chosen, [*others, *[{}] * len(chosen)], strict=False)
    ]
    return {"content": tokens}


def _token(said: dict[str, Any]) -> dict[str, Any]:
    token = said.get("token") or ""
    return {"token": token, "logprob": get(said, "logProbability") or 0, "bytes": list(token.encode())}
