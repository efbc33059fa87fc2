"""OpenAI's error body, {"error": {message, type, param, code}}, and what hosts of its family send instead.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy_api.dialects.failures import Failure, cut, gateway_error, words
from proxy_api.dialects.sentences import sentence
from proxy_api.errors import GatewayError, error_object

# In-band errors (a 200 body, a stream frame) have no HTTP status: their type or code stands for one.
_STATUS_OF = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "tokens": 429,
    "requests": 429,
    "insufficient_quota": 429,
    "timeout": 504,
    "overloaded_error": 503,
    "server_overloaded": 503,
    "service_unavailable": 503,
}


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return gateway_error(Failure(status, words(status, body), own_key=own_key), headers)
    return gateway_error(_failure(status, said, own_key), headers)


def write_error(error: GatewayError) -> dict[str, Any]:
    return error_object(error)


def error_in(body: Any) -> GatewayError | None:
    """The error object inside a 200 body or a stream frame, as if it had come with a status of its own; else None."""
    said = body.get("error") if isinstance(body, dict) else None
    if not said and isinstance(body, dict) and body.get("object") == "error":
        said = body
    if not said:
        return None
    return gateway_error(_failure(_status_in(said), {"error": said}, False), {})


def _status_in(said: Any) -> int:
    if not isinstance(said, dict):
        return 502
    for key in ("code", "status", "status_code"):
        number = str(said.get(key))
        if number.isdigit() and 400 <= int(number) < 600:
            return int(number)
    return next((_STATUS_OF[word] for key in ("code", "type") if (word := said.get(key)) in _STATUS_OF), 502)


def _failure(status: int, said: Any, own_key: bool) -> Failure:
    while isinstance(said, list) and said:
        said = said[0]
    inner = said.get("error", said) if isinstance(said, dict) else said
    fields = inner if isinstance(inner, dict) else {}
    return Failure(
        status=status,
        message=cut(sentence(inner) or sentence(said) or f"The provider answered {status}"),
        type=_word(fields.get("type"), status),
        code=_word(fields.get("code"), status),
        param=_word(fields.get("param"), status),
        own_key=own_key,
    )


def _word(value: Any, status: int) -> str | None:
    """A string as it is; a number as text unless it only repeats the status (OpenRouter, Perplexity)."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if text and text != str(status) else None
