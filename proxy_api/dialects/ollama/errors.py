"""Ollama's errors: {"error": "..."}, in the body or as a line of a stream. https://docs.ollama.com/api/errors"""

from __future__ import annotations

from typing import Any

from proxy_api.dialects.openai_chat.errors import read_error
from proxy_api.errors import GatewayError

__all__ = ("read_error", "write_error")


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Ollama's words."""
    return {"error": error.message}
