"""A provider's failure, in whatever words it came, as one GatewayError: what every dialect's `read_error` ends in.

A dialect finds the sentence and the codes in its provider's body; what they mean for the caller and for the next route
is said here once. Statuses as in https://platform.openai.com/docs/guides/error-codes ; a provider's refusal of *our*
key is no fault of the caller, so it is 502 and not 401.
Invariant: nothing in here reads a clock; a date in `retry-after` is counted from the answer's own `date` header.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from proxy_api.errors import GatewayError, UpstreamError

Given = ParamSpec("Given")
Found = TypeVar("Found")
SHAPELESS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
MESSAGE_LIMIT = 2048
LONGEST_WAIT = 120  # seconds; clients give up above it (openai-python `_calculate_retry_timeout`)
QUOTA_CODES = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_balance"})
_RETRYABLE = frozenset({404, 408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Failure:
    """What a provider said. status: HTTP's, or the one that its in-band error stands for. own_key: the caller brought
    the provider key, so that a 401 is the caller's own business."""

    status: int
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    own_key: bool = False


class understood:  # noqa: N801 - it is used as a word: `with understood()`, `@understood()`
    """Around the reading of a provider's JSON, or as a decorator: a shape that its language does not have is the
    provider's failure, told as UpstreamError with the parser's complaint as its cause.

    Written out, because contextlib's decorator costs a twentieth of a cache hit.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, place: object) -> None:
        if isinstance(error, SHAPELESS):
            raise misshapen() from error

    def __call__(self, read: Callable[Given, Found]) -> Callable[Given, Found]:
        @wraps(read)
        def reading(*args: Given.args, **kwargs: Given.kwargs) -> Found:
            try:
                return read(*args, **kwargs)
            except SHAPELESS as error:
                raise misshapen() from error

        return reading


def misshapen() -> UpstreamError:
    return UpstreamError("The provider's answer has not the shape of its language")


def cut(text: str) -> str:
    """At most MESSAGE_LIMIT bytes of UTF-8, never half a character."""
    return text.strip().encode()[:MESSAGE_LIMIT].decode(errors="ignore")


def words(status: int, body: bytes) -> str:
    """A body that is no JSON becomes the message."""
    return cut(body[: MESSAGE_LIMIT * 2].decode(errors="replace")) or f"The provider answered {status} without a body"


def gateway_error(failure: Failure, headers: Mapping[str, str]) -> GatewayError:
    """headers: the answer's, lower-cased names; only retry-after, retry-after-ms and date are read."""
    if failure.code in QUOTA_CODES or failure.type in QUOTA_CODES or failure.status == 402:
        return _quota(failure)
    if failure.status in (401, 403):
        return _refused_key(failure)
    if failure.status == 429:
        return _rate_limited(failure, headers)
    if 400 <= failure.status < 500 and failure.status not in (408, 424):
        return _refused(failure)
    return _unavailable(failure, headers)


def waits(headers: Mapping[str, str]) -> dict[str, str]:
    """The provider's wish to wait, as our headers: 1..120 s; a longer one tells the client not to retry at all."""
    seconds = _seconds(headers)
    if seconds is None:
        return {}
    kept = {"retry-after": str(min(LONGEST_WAIT, max(1, math.ceil(seconds))))}
    return kept | {"x-should-retry": "false"} if seconds > LONGEST_WAIT else kept


def _seconds(headers: Mapping[str, str]) -> float | None:
    milliseconds, text = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    number = _number(text)
    return number if number is not None else _until(text, headers.get("date"))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(text: str | None, sent: str | None) -> float | None:
    """RFC 9110 10.2.3: retry-after may be a date."""
    try:
        return (parsedate_to_datetime(text or "") - parsedate_to_datetime(sent or "")).total_seconds()
    except (ValueError, TypeError):
        return None


def _quota(failure: Failure) -> GatewayError:
    return GatewayError(
        failure.message,
        status=429,
        type="insufficient_quota",
        code="insufficient_quota",
        retryable=True,
        outcome="rate_limited",
        headers={"x-should-retry": "false"},
    )


def _refused_key(failure: Failure) -> GatewayError:
    if failure.own_key:
        return GatewayError(
            failure.message,
            status=failure.status,
            type=failure.type or "authentication_error",
            code=failure.code or "provider_auth",
            param=failure.param,
            outcome="upstream_error",
        )
    # The provider's sentence often quotes a piece of the key: it stays here.
    return UpstreamError(
        f"The provider refused the gateway's credential (status {failure.status})", code="provider_auth", retryable=True
    )


def _rate_limited(failure: Failure, headers: Mapping[str, str]) -> GatewayError:
    return GatewayError(
        failure.message,
        status=429,
        type=failure.type or "rate_limit_error",
        code=failure.code or "rate_limit_exceeded",
        param=failure.param,
        retryable=True,
        outcome="rate_limited",
        headers=waits(headers),
    )


def _refused(failure: Failure) -> GatewayError:
    code = failure.code or ("model_not_found" if failure.status == 404 else overflow(failure.message))
    return GatewayError(
        failure.message,
        status=failure.status,
        type=failure.type or "invalid_request_error",
        code=code,
        param=failure.param,
        retryable=failure.status in _RETRYABLE,
        outcome="upstream_error",
    )


_OVERFLOWS = (
    "prompt is too long",
    "maximum context length",
    "context limit",
    "context window",
    "prompt too long",
    "too many tokens",  # Cohere
    "exceeds the context length",  # Ollama
)


def overflow(message: str) -> str | None:
    """The code of a prompt that the model has no room for, told by the sentence."""
    said = message.lower()
    return "context_length_exceeded" if any(phrase in said for phrase in _OVERFLOWS) else None


def _unavailable(failure: Failure, headers: Mapping[str, str]) -> GatewayError:
    """An answer below 400 that is no answer (a redirect, 204) is a wrong address: another try gives the same."""
    status = {408: 504, 504: 504, 503: 503, 529: 503}.get(failure.status, 502)
    return UpstreamError(
        failure.message,
        status=status,
        code="upstream_timeout" if status == 504 else "upstream_unavailable",
        retryable=failure.status >= 400,
        headers=waits(headers),
    )
