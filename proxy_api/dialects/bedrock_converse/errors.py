"""Bedrock's exceptions: {"message"} with the name in x-amzn-errortype, and the same names within a stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (errors)
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html (those of every AWS API)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy_api.dialects.failures import Failure, cut, gateway_error, words
from proxy_api.dialects.sentences import sentence
from proxy_api.errors import GatewayError
from proxy_api.framing import Frame
from proxy_api.framing_aws import ERROR

# Lower-case, because a stream says throttlingException where a header says ThrottlingException.
_STATUS_OF = {
    "accessdeniedexception": 403,
    "conflictexception": 400,
    "expiredtokenexception": 403,
    "incompletesignatureexception": 403,
    "internalserverexception": 500,
    "invalidsignatureexception": 403,
    "missingauthenticationtokenexception": 403,
    "modelerrorexception": 424,
    "modelnotreadyexception": 429,
    "modelstreamerrorexception": 424,
    "modeltimeoutexception": 504,
    "notauthorized": 403,
    "optinrequired": 403,
    "requestexpired": 403,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 429,
    "serviceunavailableexception": 503,
    "throttlingexception": 429,
    "unrecognizedclientexception": 403,
    "validationexception": 400,
}
_OVERFLOW = ("input is too long", "input tokens exceed", "too many input tokens", "exceeds maximum length")


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False) -> GatewayError:
    """What an answer with this status means. own_key: the caller brought the provider key."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return gateway_error(Failure(status, words(status, body), own_key=own_key), headers)
    fields = said if isinstance(said, dict) else {}
    name = headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code")
    return gateway_error(_failure(_named(name), said, status, own_key), headers)


def error_in(frame: Frame) -> GatewayError | None:
    """What an exception in mid-stream means, as if it had come with its own status; None for an event."""
    event = frame.event or b""
    if event != ERROR and not event.endswith(b"xception"):
        return None
    try:
        said = orjson.loads(frame.data or b"{}")
    except orjson.JSONDecodeError:
        said = {"message": words(502, frame.data or b"")}
    fields = said if isinstance(said, dict) else {}
    name = fields.get("code") if event == ERROR else event.decode(errors="replace")
    return gateway_error(_failure(_named(name), said, 502, False), {})


def _named(name: Any) -> str:
    """`ValidationException:http://...` in a header, `com.amazon...#ValidationException` in a body."""
    return name.split(":", 1)[0].rsplit("#", 1)[-1].lower() if isinstance(name, str) else ""


def _failure(name: str, said: Any, status: int, own_key: bool) -> Failure:
    text = cut(sentence(said))
    meant = _STATUS_OF.get(name, status)
    overflow = meant == 400 and any(phrase in text.lower() for phrase in _OVERFLOW)
    return Failure(
        status=meant,
        message=text or f"The provider answered {name or status}",
        code="context_length_exceeded" if overflow else None,
        own_key=own_key,
    )


def write_error(error: GatewayError) -> dict[str, Any]:
    """Our failure in Bedrock's words."""
    return {"message": error.message}
