"""The sentence in an error's body, wherever a host or a gateway before it puts it.

OpenAI and Anthropic say {"error": {"message"}}, Ollama {"error": "..."}, AWS {"message"} or {"Message"}, FastAPI
{"detail": "..."} or {"detail": [{"msg"}]}, RFC 9457 {"title", "detail"}, some a bare string or a list around any of
these. What stands before a provider (a load balancer, an API gateway) answers in its own shape, not in the provider's.
"""

from __future__ import annotations

from typing import Any

_NAMES = ("error", "message", "Message", "detail", "msg", "error_message", "title")
_DEEPEST = 16  # levels that are looked through; a body nested deeper has no sentence for a reader


def sentence(said: Any, depth: int = _DEEPEST) -> str:
    """`said`: any JSON. "" where it has no sentence; those of a list are joined by semicolons."""
    if isinstance(said, str):
        return said
    if depth == 0:
        return ""
    if isinstance(said, list):
        return "; ".join(filter(None, (sentence(one, depth - 1) for one in said)))
    if not isinstance(said, dict):
        return ""
    found = next((text for name in _NAMES if (text := sentence(said.get(name), depth - 1))), "")
    return f"{found}: {raw}" if (raw := _beside(said)) else found


def _beside(said: dict[str, Any]) -> str:
    """OpenRouter says "Provider returned error" and keeps the provider's own words beside it."""
    metadata = said.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return raw if isinstance(raw, str) else ""
