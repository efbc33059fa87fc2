"""What can go wrong with one call, as data: a status, OpenAI's four error fields, and what the gateway does next.

Three places make these: transport (the network), a dialect's `read_error` (the provider), and shape, body, routing
(the caller). The shape is OpenAI's: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping


class GatewayError(Exception):
    """One failure.

    status: the HTTP status that the client gets while nothing has been sent yet.
    type, code, param, message: OpenAI's error object. The message never holds a secret, a prompt or a completion.
    retryable: another route may be tried (the only thing that the fallback loop reads).
    outcome: what the usage record calls it (see cache_admin/ledger.py).
    headers: added to the answer, e.g. retry-after.
    """

    status = 500
    type = "api_error"
    code: str | None = None
    outcome = "error"

    def __init__(  # noqa: PLR0913 - keywords of one error object
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retryable: bool = False,
        outcome: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retryable = retryable
        self.headers = dict(headers or {})
        self.status = status if status is not None else self.status
        self.type = type if type is not None else self.type
        self.code = code if code is not None else self.code
        self.outcome = outcome if outcome is not None else self.outcome


class BadRequest(GatewayError):
    """The caller's fault: 400 invalid_request_error, naming the param."""

    status = 400
    type = "invalid_request_error"
    outcome = "refused"


class UpstreamError(GatewayError):
    """The provider, or the way to it, failed: 502 upstream_unavailable unless said otherwise."""

    status = 502
    code = "upstream_unavailable"
    outcome = "upstream_error"


class AddressBlocked(UpstreamError):
    """The address gate refused the way: nothing was sent."""


class UpstreamIncomplete(UpstreamError):
    """The answer stopped before its marked end (reliability: a clean close is no end)."""

    code = "upstream_incomplete"
    outcome = "incomplete"


class UpstreamTimeout(UpstreamError):
    """A deadline passed; `outcome` says which: timeout_connect, timeout_first_byte, timeout_idle, timeout_total."""

    status = 504
    code = "upstream_timeout"
    outcome = "timeout_first_byte"


class ClientGone(GatewayError):
    """The client hung up: nobody to answer, the call is still recorded."""

    status = 499
    code = "client_disconnect"
    outcome = "client_disconnect"


class ServerShutdown(GatewayError):
    """The drain limit passed while the call still ran."""

    status = 503
    code = "server_shutdown"
    outcome = "shutdown"


def error_object(error: GatewayError) -> dict[str, dict[str, str | None]]:
    """OpenAI's error body: {"error": {"message", "type", "param", "code"}}."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}
