"""Token counts, Responses' words <-> neutral. Cached and cache-written tokens are counted in input_tokens, reasoning in
output_tokens: https://developers.openai.com/api/reference/resources/responses (usage)"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import JSON, Usage
from proxy_api.dialects.failures import understood


@understood()
def usage_of(body: JSON) -> Usage | None:
    """What a finished response says that it used."""
    said = body.get("usage")
    return read_usage(said) if said else None


def read_usage(said: dict[str, Any]) -> Usage:
    put_in, put_out = said.get("input_tokens_details") or {}, said.get("output_tokens_details") or {}
    return Usage(
        input_tokens=said.get("input_tokens") or 0,
        output_tokens=said.get("output_tokens") or 0,
        cached_tokens=put_in.get("cached_tokens") or 0,
        cache_write_tokens=put_in.get("cache_write_tokens") or 0,
        reasoning_tokens=put_out.get("reasoning_tokens") or 0,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
