"""Mistral's errors: {"object": "error", "message", "type", "param", "code"}, and FastAPI's {"detail": "..."} or
{"detail": [{"loc": ["body", "messages", 0, ...], "msg"}]}, which also stands inside `message`.

https://docs.mistral.ai/api (the 422 of every endpoint)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy_api.dialects.failures import overflow
from proxy_api.dialects.openai_chat import errors as openai
from proxy_api.errors import GatewayError

_TAGS = ("body", "assistant", "system", "tool", "user")  # pydantic puts the role beside a message's index
_OPENAI_NAMES = {"random_seed": "seed"}


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    error = openai.read_error(status, headers, body, own_key=own_key)
    error.param = error.param or _place(body)
    if error.status < 500 and (error.code or "").isdigit():  # "3051" says nothing to a client of OpenAI's
        error.code = overflow(error.message) or error.code
    return error


def _place(body: bytes) -> str | None:
    """The first complaint's place by OpenAI's name: messages[0].content."""
    try:
        said = orjson.loads(body)
        detail = (said["message"] if isinstance(said.get("message"), dict) else said)["detail"]
        steps = [step for step in detail[0]["loc"] if step not in _TAGS]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{_OPENAI_NAMES.get(step, step)}" for step in steps)
    return place.lstrip(".") or None


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Mistral's words."""
    return {
        "object": "error",
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
