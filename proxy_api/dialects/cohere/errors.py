"""Cohere's errors: {"message", "id"}, sometimes with an `error_type`. https://docs.cohere.com/reference/errors"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy_api.dialects.openai_chat import errors as openai
from proxy_api.errors import GatewayError


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    error = openai.read_error(status, headers, body, own_key=own_key)
    error.code = error.code or _kind(body)
    return error


def _kind(body: bytes) -> str | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    kind = said.get("error_type") if isinstance(said, dict) else None
    return kind.lower() if isinstance(kind, str) and kind else None


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Cohere's words."""
    return {"message": error.message}
