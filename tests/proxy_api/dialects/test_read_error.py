"""What a provider's failure means for the client and for the next route."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy_api.dialects import DIALECTS, Dialect, anthropic, openai_chat
from proxy_api.errors import BadRequest, GatewayError


def openai(status: int, error: Any = None, headers: dict[str, str] | None = None, **more: Any) -> GatewayError:
    said = {"message": "Said.", "type": "t", "param": "p", "code": "c"} if error is None else error
    return openai_chat.read_error(status, headers or {}, orjson.dumps({"error": said}), **more)


def claude(status: int, type: str, message: str = "Said.") -> GatewayError:
    body = {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}
    return anthropic.read_error(status, {}, orjson.dumps(body))


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422, 425])
def test_a_providers_own_4xx_keeps_status_sentence_type_param_and_code(status: int) -> None:
    error = openai(status)
    assert (error.status, error.message, error.type, error.param, error.code) == (status, "Said.", "t", "p", "c")


@pytest.mark.parametrize(
    ("status", "seen", "retryable"),
    [
        (400, 400, False),
        (401, 502, True),
        (402, 429, True),
        (403, 502, True),
        (404, 404, True),
        (408, 504, True),
        (409, 409, True),
        (413, 413, False),
        (422, 422, False),
        (424, 502, True),
        (425, 425, True),
        (429, 429, True),
        (500, 502, True),
        (502, 502, True),
        (503, 503, True),
        (504, 504, True),
        (529, 503, True),
        (204, 502, False),
        (301, 502, False),
    ],
)
def test_every_status_says_what_the_client_sees_and_whether_another_route_may_help(
    status: int, seen: int, retryable: bool
) -> None:
    for error in (openai(status), anthropic.read_error(status, {}, b"{}")):
        assert (error.status, error.retryable) == (seen, retryable)


def test_the_refusal_of_our_key_is_a_502_that_does_not_quote_it() -> None:
    said = {"message": "Incorrect API key provided: sk-abc***xyz", "code": "invalid_api_key"}
    error = openai(401, said)
    assert (error.status, error.type, error.code) == (502, "api_error", "provider_auth")
    assert "sk-" not in error.message


def test_a_callers_own_key_that_is_refused_is_told_as_it_is() -> None:
    error = openai(401, {"message": "Incorrect API key", "code": "invalid_api_key"}, own_key=True)
    assert (error.status, error.message, error.code) == (401, "Incorrect API key", "invalid_api_key")
    assert not error.retryable


@pytest.mark.parametrize(
    "error",
    [
        openai(429, {"message": "Quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
        openai(402),
        claude(402, "billing_error"),
        claude(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    ],
)
def test_an_empty_purse_is_a_429_that_is_not_worth_a_retry_by_the_client(error: GatewayError) -> None:
    assert (error.status, error.type, error.code) == (429, "insufficient_quota", "insufficient_quota")
    assert error.headers == {"x-should-retry": "false"}
    assert error.retryable


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"retry-after": "7"}, {"retry-after": "7"}),
        ({"retry-after": "0.2"}, {"retry-after": "1"}),
        ({"retry-after": "-5"}, {"retry-after": "1"}),
        ({"retry-after-ms": "2500"}, {"retry-after": "3"}),
        ({"retry-after": "300"}, {"retry-after": "120", "x-should-retry": "false"}),
        ({"retry-after": "1e999"}, {}),
        ({"retry-after": "soon"}, {}),
        ({}, {}),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            {"retry-after": "30"},
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, {}),
    ],
)
def test_retry_after_is_kept_within_1_and_120_seconds(headers: dict[str, str], kept: dict[str, str]) -> None:
    error = openai(429, {"message": "Slow"}, headers)
    assert error.headers == kept
    assert (error.type, error.code, error.outcome) == ("rate_limit_error", "rate_limit_exceeded", "rate_limited")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b"", "The provider answered 400 without a body"),
        (b"null", "The provider answered 400"),
        (b'{"error":"text"}', "text"),
        (b'{"message":"flat"}', "flat"),
        (b'{"detail":"detailed"}', "detailed"),
        (b'{"detail":[{"msg":"one"},{"msg":"two"}]}', "one; two"),
        (b'[{"error":{"message":"listed"}}]', "listed"),
        (b'{"error":{"message":"Provider returned error","metadata":{"raw":"why"}}}', "Provider returned error: why"),
        (b'"bare"', "bare"),
        (b'{"Message":"of a gateway"}', "of a gateway"),
        (b'{"error":{"error":{"message":"wrapped"}}}', "wrapped"),
        (b'{"message":{"detail":[{"msg":"inside"}]}}', "inside"),
        (b'{"error_message":"named so"}', "named so"),
        (b'{"title":"Bad Request","detail":"why","status":400}', "why"),
        (b'{"error":' * 200 + b'"deep"' + b"}" * 200, "The provider answered 400"),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_the_sentence_is_found_in_every_shape_by_every_language(dialect: Dialect, body: bytes, message: str) -> None:
    """What stands before a provider answers in its own shape, whatever the provider speaks."""
    assert dialect.read_error(400, {}, body).message == message


def test_a_long_body_is_cut_at_2_kb_without_half_a_character() -> None:
    message = openai_chat.read_error(500, {}, "é".encode() * 3000).message
    assert message == "é" * 1024


def test_numbers_are_no_codes_unless_they_say_something() -> None:
    assert openai(429, {"message": "x", "code": 429}).code == "rate_limit_exceeded"
    assert openai(400, {"message": "x", "code": 1234}).code == "1234"


@pytest.mark.parametrize(
    ("status", "type", "seen", "code"),
    [
        (400, "invalid_request_error", 400, None),
        (404, "not_found_error", 404, "model_not_found"),
        (413, "request_too_large", 413, None),
        (429, "rate_limit_error", 429, "rate_limit_exceeded"),
        (500, "api_error", 502, "upstream_unavailable"),
        (529, "overloaded_error", 503, "upstream_unavailable"),
    ],
)
def test_anthropics_types_have_openais_words(status: int, type: str, seen: int, code: str | None) -> None:
    error = claude(status, type)
    assert (error.status, error.message, error.code) == (seen, "Said.", code)
    assert error.type in ("invalid_request_error", "rate_limit_error", "api_error")


def test_a_prompt_that_is_too_long_has_its_own_code() -> None:
    error = claude(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    assert error.code == "context_length_exceeded"


def test_our_errors_have_each_languages_form() -> None:
    error = BadRequest("No", param="n")
    said = {"message": "No", "type": "invalid_request_error", "param": "n", "code": None}
    assert openai_chat.write_error(error) == {"error": said}
    assert anthropic.write_error(error) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "No"},
    }
