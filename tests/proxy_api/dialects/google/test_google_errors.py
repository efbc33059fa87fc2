"""Google's errors. https://docs.cloud.google.com/apis/design/errors"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.dialects import google
from proxy_api.errors import BadRequest, GatewayError, UpstreamTimeout

INVALID_KEY = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]


def error(code: int, status: str, message: str = "Said.", details: Any = (), **more: Any) -> GatewayError:
    body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return google.read_error(code, {}, orjson.dumps(body), **more)


@pytest.mark.parametrize(
    ("code", "status", "seen", "kind", "word"),
    [
        (400, "INVALID_ARGUMENT", 400, "invalid_request_error", None),
        (400, "FAILED_PRECONDITION", 400, "invalid_request_error", None),
        (403, "PERMISSION_DENIED", 502, "api_error", "provider_auth"),
        (404, "NOT_FOUND", 404, "invalid_request_error", "model_not_found"),
        (429, "RESOURCE_EXHAUSTED", 429, "rate_limit_error", "rate_limit_exceeded"),
        (500, "INTERNAL", 502, "api_error", "upstream_unavailable"),
        (503, "UNAVAILABLE", 503, "api_error", "upstream_unavailable"),
        (504, "DEADLINE_EXCEEDED", 504, "api_error", "upstream_timeout"),
    ],
)
def test_googles_words_have_openais_meaning(code: int, status: str, seen: int, kind: str, word: str | None) -> None:
    found = error(code, status)
    assert (found.status, found.type, found.code) == (seen, kind, word)
    assert found.message == "Said." or word == "provider_auth"


def test_a_bad_key_told_as_a_400_is_the_refusal_of_our_credential() -> None:
    found = error(400, "INVALID_ARGUMENT", "API key not valid.", INVALID_KEY)
    assert (found.status, found.code, found.retryable) == (502, "provider_auth", True)
    own = error(400, "INVALID_ARGUMENT", "API key not valid.", INVALID_KEY, own_key=True)
    assert (own.status, own.message, own.code) == (400, "API key not valid.", "invalid_api_key")


@pytest.mark.parametrize(
    ("delay", "kept"), [("34.4s", "35"), ("0.2s", "1"), ("300s", "120"), ("soon", None), (None, None)]
)
def test_retry_info_is_kept_as_retry_after(delay: Any, kept: str | None) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    assert error(429, "RESOURCE_EXHAUSTED", details=details).headers.get("retry-after") == kept


def test_a_prompt_that_is_too_long_has_its_own_code() -> None:
    said = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    assert error(400, "INVALID_ARGUMENT", said).code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"error":{"code":400,"message":"listed"}}]', "listed"),
        (b'{"error":"text"}', "text"),
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b"", "The provider answered 400 without a body"),
        (b"[]", "The provider answered 400"),
        (b'{"error":{"details":[1,{"retryDelay":3}],"message":4}}', "The provider answered 400"),
    ],
)
def test_the_sentence_is_found_in_every_shape(body: bytes, message: str) -> None:
    assert google.read_error(400, {}, body).message == message


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ({"code": 503}, 503),
        ({"code": 14, "status": "UNAVAILABLE"}, 503),
        ({"status": "NEW"}, 502),
        ({"code": "x"}, 502),
    ],
)
def test_an_error_in_a_200_has_the_status_that_it_names(said: dict[str, Any], seen: int) -> None:
    with pytest.raises(GatewayError) as caught:
        google.read_response({"error": {"message": "m", **said}}, 1)
    assert caught.value.status == seen


def test_our_errors_have_googles_form() -> None:
    assert google.write_error(BadRequest("No", param="n")) == {
        "error": {"code": 400, "message": "No", "status": "INVALID_ARGUMENT"}
    }
    assert google.write_error(UpstreamTimeout("Late"))["error"]["status"] == "DEADLINE_EXCEEDED"
    assert google.write_error(GatewayError("Odd", status=418))["error"]["status"] == "INVALID_ARGUMENT"
