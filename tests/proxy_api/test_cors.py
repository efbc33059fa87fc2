"""Pages of other origins: M23 of the reference's contract, and closed where nothing is configured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import Live, started_live

PAGE = "https://app.example.com"
QUESTION = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/v1/proxy/chat/completions"


@pytest.fixture(scope="module")
def opened() -> Iterator[Live]:
    with started_live(DRAGOMAN_CORS_ORIGINS=PAGE) as server:
        yield server


def test_a_listed_origin_may_ask_before_it_calls_without_a_key_and_then_call(opened: Live) -> None:
    asked = {"origin": PAGE, "authorization": None, "access-control-request-headers": "authorization, x-stainless-os"}
    answer = opened.request("OPTIONS", CHAT, headers=asked)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "authorization, x-stainless-os"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert int(answer.headers["access-control-max-age"]) > 0
    called = opened.chat(QUESTION, origin=PAGE)
    assert (called.status, called.headers["access-control-allow-origin"]) == (200, PAGE)
    exposed = called.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after-ms", "x-ratelimit-remaining-tokens"} <= set(exposed)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (CHAT, "GET, OPTIONS, POST"),
        ("/v1/proxy/files/file-1", "DELETE, GET, OPTIONS, PATCH, POST, PUT"),
        ("/v1/responses/resp_1", "DELETE, GET, OPTIONS, PATCH, POST, PUT"),
    ],
)
def test_a_page_is_told_the_methods_that_the_path_takes(opened: Live, path: str, methods: str) -> None:
    asked = {"origin": PAGE, "authorization": None, "access-control-request-method": "DELETE"}
    answer = opened.request("OPTIONS", path, headers=asked)
    assert (answer.status, answer.headers["access-control-allow-methods"]) == (204, methods)


def test_a_page_may_delete_what_it_uploaded(opened: Live) -> None:
    answer = opened.request("DELETE", "/v1/proxy/files/file-1", headers={"origin": PAGE})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert opened.upstream.calls[-1].method == "DELETE"


def test_another_origin_is_forbidden_for_every_method_and_reaches_no_provider(opened: Live) -> None:
    before = opened.upstream.count
    for method in ("OPTIONS", "POST", "GET"):
        answer = opened.request(method, CHAT, QUESTION, {"origin": "https://evil.example"})
        assert (answer.status, answer.json()["error"]["message"]) == (403, "Forbidden")
        assert "access-control-allow-origin" not in answer.headers
    assert opened.upstream.count == before


def test_a_page_can_read_a_failure_of_its_call(opened: Live) -> None:
    answer = opened.chat(QUESTION, origin=PAGE, authorization="Bearer wrong")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, PAGE)


def test_without_listed_origins_an_origin_means_nothing_and_a_preflight_is_no_method(live: Live) -> None:
    called = live.chat(QUESTION, origin=PAGE)
    assert called.status == 200
    assert "access-control-allow-origin" not in called.headers
    assert live.request("OPTIONS", CHAT, headers={"origin": PAGE}).status == 405
