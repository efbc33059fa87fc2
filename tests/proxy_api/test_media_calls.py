"""Media named by address in calls to the live server: fetched where they may be, else refused before any call."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests import loopback
from tests.live import Live
from tests.loopback import anthropic_answer
from tests.proxy_api.asking import CLAUDE, anthropic, hello, refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def showing(address: str, **fields: Any) -> dict[str, Any]:
    said = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": address}}]
    return hello(model=CLAUDE, messages=[{"role": "user", "content": said}], **fields)


@pytest.mark.parametrize("stream", [False, True])
def test_an_image_in_the_operators_network_is_fetched_and_sent_as_bytes(open_live: Live, stream: bool) -> None:
    open_live.upstream.script(loopback.answer(PNG, content_type="image/png"), path="/a.png")
    anthropic(
        open_live,
        loopback.stream(loopback.anthropic_stream("A dot")) if stream else loopback.answer(anthropic_answer("A dot")),
    )
    answer = open_live.chat(showing(f"{open_live.upstream.url}/a.png", stream=stream))
    assert answer.status == 200
    fetched, asked = open_live.upstream.calls
    assert (fetched.method, fetched.path, "x-api-key" in fetched.headers) == ("GET", "/a.png", False)
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    assert asked.json()["messages"][0]["content"][1] == {"type": "image", "source": source}


def test_an_https_address_is_left_to_a_provider_that_takes_addresses(live: Live) -> None:
    anthropic(live, loopback.answer(anthropic_answer()))
    assert live.chat(showing("https://example.com/a.png")).status == 200
    sent = live.upstream.calls[0].json()["messages"][0]["content"][1]
    assert sent == {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/a.png",
        "http://[::1]:{port}/a.png",
        "http://localhost:{port}/a.png",
        "http://10.0.0.1/a.png",
        "https://169.254.169.254/a.png",
    ],
)
def test_m21_a_private_address_is_refused_before_anybody_is_called(live: Live, address: str) -> None:
    answer = live.chat(showing(address.format(port=live.upstream.port)))
    assert answer.status == 400
    error = refusal(answer)
    assert (error["message"], error["param"]) == ("Media URL resolves to a blocked address", "messages[0].content[1]")
    assert live.upstream.count == 0


def test_m21_a_redirect_to_a_private_address_is_refused(open_live: Live) -> None:
    moved = loopback.answer(b"", 302, [("Location", "http://169.254.169.254/latest/meta-data/")])
    open_live.upstream.script(moved, path="/a.png")
    answer = open_live.chat(showing(f"{open_live.upstream.url}/a.png"))
    assert answer.status == 400
    assert refusal(answer)["message"] == "Media URL resolves to a blocked address"
    assert [call.path for call in open_live.upstream.calls] == ["/a.png"]


def test_broken_base64_is_refused_before_anybody_is_called(live: Live) -> None:
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,%%%"}}
    answer = live.chat(hello(model=CLAUDE, messages=[{"role": "user", "content": [file]}]))
    assert answer.status == 400
    assert refusal(answer)["param"] == "messages[0].content[0]"
    assert live.upstream.count == 0
