"""Anthropic's errors: {"type": "error", "error": {"type", "message"}, "request_id"}.

https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy_api.dialects.failures import Failure, cut, gateway_error, words
from proxy_api.dialects.sentences import sentence
from proxy_api.errors import GatewayError

_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
_TYPE_OF = {status: word for word, status in _STATUS_OF.items()} | {
    422: "invalid_request_error",
    503: "overloaded_error",
}
# The type that OpenAI's clients know where Anthropic has a word of its own.
_OPENAI_TYPE = {"not_found_error": "invalid_request_error", "request_too_large": "invalid_request_error"}


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return gateway_error(Failure(status, words(status, body), own_key=own_key), headers)
    return gateway_error(_failure(said, status, own_key), headers)


def error_in(body: Any) -> GatewayError:
    """The error object in a 200 body or an `error` event, as if it had come with its own status."""
    status = next((code for word, code in _STATUS_OF.items() if word == _fields(body).get("type")), 502)
    return gateway_error(_failure(body, status, False), {})


def _fields(said: Any) -> dict[str, Any]:
    inner = said.get("error") if isinstance(said, dict) else None
    return inner if isinstance(inner, dict) else {}


def _failure(said: Any, status: int, own_key: bool) -> Failure:
    fields = _fields(said)
    word, text = fields.get("type"), cut(sentence(said))
    # An empty purse is told as a 400: "Your credit balance is too low to access the Anthropic API."
    broke = word == "billing_error" or "credit balance is too low" in text or "usage limits" in text
    return Failure(
        status=402 if broke and status in (400, 402, 403) else status,
        message=text or f"The provider answered {status}",
        type=_OPENAI_TYPE.get(word, word) if isinstance(word, str) else None,
        own_key=own_key,
    )


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Anthropic's words."""
    word = _TYPE_OF.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": word, "message": error.message}}
