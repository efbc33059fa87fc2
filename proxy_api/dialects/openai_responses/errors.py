"""Failures of Responses: OpenAI's error body over HTTP, and in-band the `error` of a failed response or error event.

https://developers.openai.com/api/reference/resources/responses/streaming-events (error, response.failed)
"""

from __future__ import annotations

from typing import Any

from proxy_api.dialects.failures import Failure, cut, gateway_error
from proxy_api.dialects.openai_chat.errors import read_error, write_error
from proxy_api.errors import GatewayError

__all__ = ["error_in", "error_of", "read_error", "write_error"]

# An in-band error has no HTTP status: its code stands for one. Other codes are the provider's own fault.
_STATUS_OF = {
    "bio_policy": 400,
    "context_length_exceeded": 400,
    "data_residency_mismatch": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "unsupported_image_media_type": 400,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "server_is_overloaded": 503,
    "slow_down": 503,
}


def error_in(body: Any) -> GatewayError | None:
    """What the error object of a response or an event means; None where it has none. The error event is flat."""
    if not isinstance(body, dict):
        return None
    if said := body.get("error"):
        return error_of(said)
    return error_of(body) if body.get("type") == "error" else None


def error_of(said: Any) -> GatewayError:
    fields = said if isinstance(said, dict) else {}
    code, word, message = fields.get("code"), fields.get("type"), fields.get("message")
    failure = Failure(
        status=_status(code, word),
        message=cut(message if isinstance(message, str) else str(said)) or "The provider's answer failed",
        type=word if isinstance(word, str) and word != "error" else None,
        code=code if isinstance(code, str) else None,
        param=fields["param"] if isinstance(fields.get("param"), str) else None,
    )
    return gateway_error(failure, {})


def _status(code: Any, word: Any) -> int:
    for name in (code, word):
        if str(name).isdigit() and 400 <= int(name) < 600:
            return int(name)
        if isinstance(name, str) and name in _STATUS_OF:
            return _STATUS_OF[name]
    return 400 if isinstance(code, str) and code.startswith(("image_", "invalid_")) else 502
