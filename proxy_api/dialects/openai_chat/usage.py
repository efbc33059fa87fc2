"""Token counts, OpenAI's words <-> neutral. https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage

Hosts differ in where cached and reasoning tokens stand; whichever is given is read.
"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import Usage
from proxy_api.dialects.failures import understood

# Anthropic's words, which crossing keeps: how long cache writes live, and what its tools were used for.
_NATIVE = ("cache_creation", "server_tool_use")


@understood()
def usage_of(body: dict[str, Any]) -> Usage | None:
    """The usage of a completion or a chunk, None where it has none. Groq streams put theirs under `x_groq`.
    Raises UpstreamError for counts of another shape."""
    said = body.get("usage")
    if said is None and "x_groq" in body:
        said = (body["x_groq"] or {}).get("usage")
    return read_usage(said) if isinstance(said, dict) and said else None


def read_usage(said: dict[str, Any]) -> Usage:
    prompt = said.get("prompt_tokens_details") or {}
    completion = said.get("completion_tokens_details") or {}
    reasoning = _count(completion.get("reasoning_tokens"))
    return Usage(
        input_tokens=_count(said.get("prompt_tokens")),
        output_tokens=_output(said, reasoning),
        cached_tokens=_first(
            prompt.get("cached_tokens"),
            said.get("prompt_cache_hit_tokens"),  # https://api-docs.deepseek.com/guides/kv_cache
            said.get("num_cached_tokens"),  # https://docs.mistral.ai/api
        ),
        cache_write_tokens=_first(prompt.get("cache_write_tokens"), prompt.get("cache_creation_tokens")),
        reasoning_tokens=reasoning,
        native={name: said[name] for name in _NATIVE if name in said},
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Cache writes under both names: OpenAI's own and the reference proxy's older one."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_creation_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        **usage.native,
    }


def _output(said: dict[str, Any], reasoning: int) -> int:
    """xAI counts reasoning beside completion_tokens, not in it; its total tells (https://docs.x.ai/docs/guides/reasoning)."""
    output, total = _count(said.get("completion_tokens")), _count(said.get("total_tokens"))
    beside = reasoning and total == _count(said.get("prompt_tokens")) + output + reasoning
    return output + reasoning if beside else output


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) else 0


def _first(*values: Any) -> int:
    return next((_count(value) for value in values if value is not None), 0)
