"""Google's errors: {"error": {"code", "message", "status", "details": [{"@type", ...}]}}, or a list around it.

https://ai.google.dev/gemini-api/docs/troubleshooting
https://docs.cloud.google.com/apis/design/errors (the words of `status`, ErrorInfo and RetryInfo among the details)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy_api.dialects.failures import Failure, cut, gateway_error, words
from proxy_api.dialects.sentences import sentence
from proxy_api.errors import GatewayError

_STATUS_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_WORD_OF = {status: word for word, status in reversed(_STATUS_OF.items())} | {422: "INVALID_ARGUMENT"}
_DELAY = re.compile(r"(\d{1,9}(?:\.\d+)?)s")  # a google.protobuf.Duration
_OVERFLOW = "exceeds the maximum number of tokens"


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return gateway_error(Failure(status, words(status, body), own_key=own_key), headers)
    return gateway_error(_failure(said, status, own_key), {**headers, **_wait(_fields(said))})


def error_in(body: Any) -> GatewayError:
    """The error object in a 200 body or in an event, as if it had come with its own status."""
    fields = _fields(body)
    code = fields.get("code")
    status = code if type(code) is int and 400 <= code < 600 else _STATUS_OF.get(str(fields.get("status")), 502)
    return gateway_error(_failure(body, status, False), _wait(fields))


def _fields(said: Any) -> dict[str, Any]:
    while isinstance(said, list) and said:
        said = said[0]
    inner = said.get("error") if isinstance(said, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner}


def _failure(said: Any, status: int, own_key: bool) -> Failure:
    fields = _fields(said)
    text = cut(sentence(said))
    refused = any(detail.get("reason") == "API_KEY_INVALID" for detail in _details(fields))
    return Failure(
        status=401 if refused and not own_key else status,  # AI Studio tells a bad key as a 400
        message=text or f"The provider answered {status}",
        type="authentication_error" if refused else None,
        code="invalid_api_key" if refused else "context_length_exceeded" if _OVERFLOW in text else None,
        own_key=own_key,
    )


def _details(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    details = fields.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail


def _wait(fields: dict[str, Any]) -> dict[str, str]:
    """RetryInfo, as the header that means the same."""
    for detail in _details(fields):
        delay = _DELAY.fullmatch(str(detail.get("retryDelay")))
        if delay:
            return {"retry-after-ms": str(float(delay[1]) * 1000)}
    return {}


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Google's words."""
    word = _WORD_OF.get(error.status) or ("INVALID_ARGUMENT" if error.status < 500 else "INTERNAL")
    return {"error": {"code": error.status, "message": error.message, "status": word}}
