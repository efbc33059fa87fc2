"""What is refused before a request is read."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from proxy_site import door

GOOD: dict[str, Any] = {
    "HTTP_HOST": "127.0.0.1:8787",
    "RAW_URI": "/v1/chat/completions",
    "CONTENT_LENGTH": "12",
    "HTTP_AUTHORIZATION": "Bearer dgm_x",
}


def code_of(**changes: str | None) -> str | None:
    environ = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    error = door.refusal(environ)
    return error.code if error else None


def test_an_ordinary_request_is_let_in() -> None:
    assert door.refusal(GOOD) is None


@pytest.mark.parametrize("host", [None, "", "evil.example", "t@evil.example", "127.0.0.1@evil", "127.0.0.1:x"])
def test_a_host_that_is_not_ours_is_refused(host: str | None) -> None:
    assert code_of(HTTP_HOST=host) == "bad_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8787", "127.0.0.1"])
def test_every_spelling_of_our_host_is_let_in(host: str) -> None:
    assert code_of(HTTP_HOST=host) is None


@pytest.mark.parametrize("target", ["http://127.0.0.1/v1/models", "evil.example:443", "?x"])
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    assert code_of(RAW_URI=target) == "bad_target"


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked, identity", "identity", "", "xchunked"])
def test_any_transfer_coding_but_chunked_is_refused(coding: str) -> None:
    assert code_of(HTTP_TRANSFER_ENCODING=coding) == "bad_framing"


def test_chunked_is_let_in_in_any_case() -> None:
    assert code_of(HTTP_TRANSFER_ENCODING=" Chunked ", CONTENT_LENGTH=None) is None


def test_two_authorization_headers_are_refused() -> None:
    assert code_of(HTTP_AUTHORIZATION="Basic QTpC,Bearer dgm_x") == "bad_authorization"


@pytest.mark.parametrize("length", ["9" * 40, "1" * 16, "-1", "+5", "0x10", "1_0", "٣", "1 2"])
def test_a_length_that_is_no_sensible_number_is_refused(length: str) -> None:
    assert code_of(CONTENT_LENGTH=length) == "bad_length"


@override_settings(DRAGOMAN_MAX_BODY_BYTES=100)
def test_a_length_over_the_cap_is_413_before_a_byte_is_read() -> None:
    error = door.refusal({**GOOD, "CONTENT_LENGTH": "101"})
    assert error is not None
    assert (error.status, error.code) == (413, "request_too_large")
    assert door.refusal({**GOOD, "CONTENT_LENGTH": "100"}) is None
