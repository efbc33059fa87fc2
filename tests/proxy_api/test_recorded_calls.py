"""What the ledger says of a call: exactly one final row, whatever became of it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.bodies import anthropic_answer, openai_answer, openai_error, openai_stream, openai_usage
from tests.live import Answer, Live, started_live
from tests.loopback import Behaviour, answer, hang, reset, stream
from tests.proxy_api.asking import CHAT, CLAUDE, anthropic, cached, hello, payloads, refusal, with_request_id

Row = dict[str, Any]
NAMED = {"user": "u-17", "metadata": {"team": "blue"}}
PRICED = """
from cache_admin.models import Price
from django.contrib.auth.models import User
Price.objects.update_or_create(provider="openai", model="gpt-4o-mini", defaults={"input": "2", "output": "10"})
User.objects.create_superuser("auditor", "", "a long word")
"""
UNPRICED = """
from cache_admin.models import Price
from django.contrib.auth.models import User
Price.objects.get(provider="openai", model="gpt-4o-mini").delete()
User.objects.get(username="auditor").delete()
"""


def row_of(live: Live, found: Answer) -> Row:
    """The one row of this answer's call; there is no other with its id, and it is final."""
    row = live.usage(with_request_id(found))
    assert row["at"] is not None
    assert row["total_ms"] >= row["overhead_ms"] >= 0
    return row


def part(row: Row, **expected: Any) -> Row:
    """The named columns of a row, to compare."""
    return {name: row[name] for name in expected}


def check(row: Row, **expected: Any) -> None:
    assert part(row, **expected) == expected


def test_a_miss_that_is_stored_and_the_hit_after_it(live: Live) -> None:
    usage = {**openai_usage(30, 20), "prompt_tokens_details": {"cached_tokens": 12}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 8}
    live.upstream.script(answer(openai_answer(usage=usage), headers=[("X-Request-Id", "req_of_theirs")]))
    body = hello(temperature=0, **NAMED)
    asked = {"x_client_request_id": "mine-1", "x_stainless_retry_count": "2"}
    miss, hit = live.chat(body, **asked), live.chat(body)
    assert [cached(miss), cached(hit)] == ["MISS", "HIT"]
    row = row_of(live, miss)
    both = {
        "status": "ok",
        "http_status": 200,
        "key_name": "live",
        "endpoint": "chat/completions",
        "model_asked": "openai/gpt-4o-mini",
        "model_served": "gpt-4o-mini-2024-07-18",
        "provider": "openai",
        "credential": "OPENAI_API_KEY",
        "stream": False,
        "finish_reason": "stop",
        "error_code": "",
        "user": "u-17",
        "metadata": {"team": "blue"},
    }
    tokens = {"input_tokens": 30, "cached_tokens": 12, "output_tokens": 20, "reasoning_tokens": 8}
    check(row, **both, **tokens, cache="stored", cache_reason="", attempts=1)
    check(row, client_request_id="mine-1", client_retries=2, upstream_request_id="req_of_theirs")
    assert 0 < row["ttft_ms"] <= row["total_ms"]
    assert miss.headers["x-dragoman-cache"] == "stored"
    again = row_of(live, hit)
    check(again, **both, cache="hit", cache_digest=row["cache_digest"], attempts=0, cost_usd=0)
    assert hit.headers["x-dragoman-cache"] == "hit"


BYPASSED = [
    ({}, {}, "temperature"),
    ({"temperature": 0}, {"x_bt_use_cache": "never"}, "never"),
    ({"temperature": 0}, {"cache_control": "no-cache, no-store"}, "cache-control"),
]


@pytest.mark.parametrize(("fields", "headers", "reason"), BYPASSED)
def test_a_call_that_may_not_be_cached_says_why(
    live: Live, fields: dict[str, Any], headers: dict[str, str], reason: str
) -> None:
    found = live.chat(hello(**fields), **headers)
    check(row_of(live, found), status="ok", cache="bypass", cache_reason=reason, cache_digest="")
    assert found.headers["x-dragoman-cache"] == f"bypass; {reason}"


@pytest.mark.parametrize("asked", [False, True], ids=["usage unasked", "usage asked"])
def test_a_stream(live: Live, asked: bool) -> None:
    live.upstream.script(stream(openai_stream(), gap=0.02, lead=0.1))
    options = {"stream_options": {"include_usage": True}} if asked else {}
    found = live.chat(hello(stream=True, temperature=0, **NAMED, **options))
    row = row_of(live, found)
    check(row, status="ok", http_status=200, stream=True, cache="miss", attempts=1, finish_reason="stop", **NAMED)
    check(row, input_tokens=19, output_tokens=10, model_served="gpt-4o-mini-2024-07-18")
    assert 90 < row["ttft_ms"] < row["total_ms"] - 100
    assert found.headers["x-dragoman-cache"] == "miss"


def test_an_anthropic_call(live: Live) -> None:
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 4}
    anthropic(live, answer(anthropic_answer(stop="max_tokens", usage=usage), headers=[("request-id", "req_011")]))
    row = row_of(live, live.chat(hello(model=CLAUDE, seed=1, verbosity="low", **NAMED)))
    check(row, status="ok", provider="anthropic", model_served="claude-sonnet-4-5-20250929", cache="stored", **NAMED)
    check(row, input_tokens=22, cached_tokens=7, cache_write_tokens=5, output_tokens=4)
    check(row, finish_reason="length", native_finish_reason="max_tokens", upstream_request_id="req_011")
    assert "verbosity: unknown to Anthropic" in row["dropped"]


def test_a_refused_call(live: Live) -> None:
    limited = live.key("limited", "--models", "openai/gpt-4o")
    unknown = live.chat(hello(model="nobody-knows-this", **NAMED))
    forbidden = live.chat(hello(**NAMED), authorization=f"Bearer {limited}")
    assert (unknown.status, forbidden.status) == (404, 403)
    row = row_of(live, unknown)
    check(row, status="refused", http_status=404, error_code="model_not_found", attempts=0, key_name="live", **NAMED)
    check(row, model_asked="nobody-knows-this", provider="", ttft_ms=None, input_tokens=None, cost_usd=None)
    row = row_of(live, forbidden)
    check(row, status="refused", http_status=403, error_code="model_not_allowed", key_name="limited", **NAMED)
    assert row["error_message"] == refusal(forbidden)["message"]
    wrong = live.chat(hello(temperature=0), x_bt_cache_ttl="abc")
    check(row_of(live, wrong), status="refused", http_status=400)
    assert live.upstream.count == 0


NO_REQUESTS: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "no JSON": (b'{"model": ', {}, 400, ""),
    "wrong shape": (b'{"model": {"a": 1}, "messages": 5, "user": 7}', {}, 400, ""),
    "a form": (b"model=a", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
}


@pytest.mark.parametrize(("body", "headers", "status", "code"), NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_a_request_that_is_none_has_a_row_where_its_key_is_good(
    live: Live, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    found = live.request("POST", CHAT, body, {"x-client-request-id": "mine-2", **headers})
    assert found.status == status
    row = row_of(live, found)
    check(row, status="refused", http_status=status, key_name="live", endpoint="chat/completions", attempts=0)
    check(row, client_request_id="mine-2", error_message=refusal(found)["message"], model_asked="")
    assert row["error_code"] in (code, refusal(found)["code"], refusal(found)["type"])


def test_a_body_that_does_not_come_is_the_clients_time_out(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)
    headers = {"authorization": f"Bearer {live.token}", "content-type": "application/json", "content-length": "100"}
    connection.request("POST", CHAT, b"{", headers)
    response = connection.getresponse()
    assert response.status == 408
    row = live.usage(response.headers["x-request-id"])
    check(row, status="client_timeout", http_status=408, error_code="request_timeout")


def test_an_unknown_key_leaves_no_row(live: Live) -> None:
    before = total(live)
    found = live.chat(hello(), authorization="Bearer sk-nobody")
    assert found.status == 401
    with_request_id(found)
    after = live.chat(hello())
    row_of(live, after)
    assert total(live) == before + 1


def total(live: Live) -> int:
    live.manage("ship_usage")
    return int(live.rows("SELECT count(*) AS n FROM cache_admin_usagerecord")[0]["n"])


INVALID = answer(openai_error("No", "invalid_request_error", "bad"), 400)
NO_END = answer(openai_answer(choices=[{"index": 0, "message": {}}]))
UPSTREAM_FAILURES: dict[str, tuple[Behaviour, int, str, str]] = {
    "500": (answer(b"oops", 500), 502, "upstream_error", "upstream_unavailable"),
    "429": (answer(openai_error(), 429), 429, "rate_limited", "rate_limit_exceeded"),
    "400": (INVALID, 400, "upstream_error", "bad"),
    "401": (answer(openai_error(), 401), 502, "upstream_error", "provider_auth"),
    "reset": (reset, 502, "upstream_error", "upstream_unavailable"),
    "no finish reason": (NO_END, 502, "incomplete", "upstream_incomplete"),
    "silence": (hang, 504, "timeout_first_byte", "upstream_timeout"),
}


@pytest.mark.parametrize(
    ("behaviour", "status", "outcome", "code"), UPSTREAM_FAILURES.values(), ids=UPSTREAM_FAILURES.keys()
)
def test_an_upstream_error(live: Live, behaviour: Behaviour, status: int, outcome: str, code: str) -> None:
    live.upstream.script(behaviour)
    found = live.chat(hello(temperature=0, **NAMED))
    assert found.status == status
    row = row_of(live, found)
    check(row, status=outcome, http_status=status, error_code=code, error_message=refusal(found)["message"])
    check(row, attempts=1, provider="openai", cache="miss", cache_digest="", **NAMED)


def test_a_stream_that_breaks_off_keeps_what_was_known(live: Live) -> None:
    live.upstream.script(stream(openai_stream()[:4], end=reset))
    found = live.chat(hello(stream=True))
    assert found.status == 200
    assert json.loads(payloads(found.body)[-1])["error"]["code"] == "upstream_incomplete"
    row = row_of(live, found)
    check(row, status="incomplete", http_status=502, error_code="upstream_incomplete", finish_reason="", attempts=1)
    assert row["ttft_ms"] is not None


def test_a_client_that_leaves_is_recorded_as_one(live: Live) -> None:
    live.upstream.script(stream(openai_stream("one two three four five six seven eight nine ten"), gap=0.3))
    request_id = left_after_first_frame(live, hello(stream=True))
    row = live.usage(request_id)
    check(row, status="client_disconnect", http_status=499, error_code="client_disconnect", attempts=1)
    assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1)


def left_after_first_frame(live: Live, body: dict[str, Any]) -> str:
    data = json.dumps(body).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=5) as sock:
        sock.sendall(head.encode() + data)
        came = b""
        while b"data: " not in came:
            came += sock.recv(65536)
    lines = dict(line.split(": ", 1) for line in came.split(b"\r\n\r\n")[0].decode().lower().split("\r\n")[1:])
    return lines["x-request-id"]


ODD_ANSWERS: dict[str, dict[str, Any]] = {
    "message is text": {"choices": [{"index": 0, "message": "hi", "finish_reason": "stop"}]},
    "no message": {"choices": [{"index": 0, "finish_reason": "stop"}]},
    "choices of numbers": {"choices": [1, 2]},
    "index is text": {"choices": [{"index": "x", "message": {}, "finish_reason": "stop"}]},
    "index is a list": {"choices": [{"index": [], "message": {}, "finish_reason": "stop"}]},
    "usage is text": {"usage": "many"},
    "usage of text": {"usage": {"prompt_tokens": "a", "completion_tokens": None}},
    "details are a list": {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": [3]}},
    "huge counts": {"usage": {"prompt_tokens": 10**30, "completion_tokens": -5}},
    "finish reason is long": {"choices": [{"index": 0, "message": {}, "finish_reason": "x" * 5000}]},
    "NUL": {"model": "gpt\x00", "choices": [{"index": 0, "message": {"content": "\x00"}, "finish_reason": "st\x00p"}]},
    "id is a number": {"id": 5, "created": "yesterday"},
}


@pytest.mark.parametrize("fields", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_whatever_a_provider_says_there_is_an_honest_answer_and_a_row(
    live: Live, fields: dict[str, Any], streamed: bool
) -> None:
    given = json.loads(openai_answer(**fields))
    live.upstream.script(answer(given))
    if streamed:
        for choice in given["choices"]:
            if isinstance(choice, dict):
                choice["delta"] = choice.pop("message", {})
        live.upstream.script(stream([b"data: " + json.dumps(given).encode() + b"\n\n", b"data: [DONE]\n\n"]))
    body = hello(stream=streamed, temperature=0)
    for _ in range(2):
        found = live.chat(body)
        status = row_of(live, found)["status"]
        if found.status == 502 or (b"[DONE]" not in found.body[-20:] and streamed):
            assert status in ("upstream_error", "incomplete")
            assert b'"error":' in found.body
        else:
            assert (found.status, status) == (200, "ok")


@pytest.fixture
def priced(live: Live) -> Iterator[Live]:
    """The server with a price that every worker knows, and somebody who may read the log."""
    live.python(PRICED)
    time.sleep(1)
    yield live
    live.python(UNPRICED)


def test_the_admin_shows_the_call_under_its_request_id(priced: Live) -> None:
    """B28: status, tokens and cost, in the list and on the page of the call."""
    live = priced
    found = live.chat(hello())
    assert found.headers["x-dragoman-cost"] == "0.000138"
    row = row_of(live, found)
    assert float(row["cost_usd"]) == pytest.approx((19 * 2 + 10 * 10) / 1_000_000)
    browser = Browser(live)
    browser.log_in("auditor", "a long word")
    path = "/admin/cache_admin/usagerecord/"
    for page in (browser.get(f"{path}?q={row['id']}"), browser.get(f"{path}{row['id']}/change/")):
        assert str(row["id"]) in page
        assert "live" in page
        assert ">ok<" in page.replace("\n", "").replace(" ", "")
        assert "0.000138" in page
    listed = browser.get(f"{path}?q={row['id']}")
    assert "19 / 10" in listed
    nothing = browser.get(f"{path}?q=01900000-0000-7000-8000-000000000000")
    assert "19 / 10" not in nothing


class Browser:
    """A person's browser, as far as the admin needs one: cookies, and Django's CSRF token."""

    def __init__(self, live: Live) -> None:
        self.live, self.cookies = live, {}

    def get(self, path: str) -> str:
        found = self.send("GET", path)
        assert found.status == 200, (path, found.status, found.headers.get("location"))
        return found.body.decode()

    def log_in(self, name: str, password: str) -> None:
        self.get("/admin/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        found = self.send("POST", "/admin/login/?next=/admin/", urlencode(form).encode())
        assert found.headers.get("location") == "/admin/", found.body

    def send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=10)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


@pytest.fixture(scope="module")
def without_ledger() -> Iterator[Live]:
    """A server whose spool cannot be written: a file lies where its folder should be."""
    with started_live() as server:
        spool = server.folder / "data" / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        spool.write_bytes(b"")
        yield server


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_without_a_ledger_nothing_is_sent_to_a_provider(without_ledger: Live, streamed: bool) -> None:
    found = without_ledger.chat(hello(stream=streamed))
    assert (found.status, refusal(found)["code"]) == (503, "usage_log_unavailable")
    assert without_ledger.upstream.count == 0
    with_request_id(found)


def test_without_a_ledger_a_refused_call_keeps_its_own_error(without_ledger: Live) -> None:
    found = without_ledger.chat(hello(model="nobody-knows-this"))
    assert (found.status, refusal(found)["code"]) == (404, "model_not_found")
    assert without_ledger.chat({"model": "a"}).status == 400
