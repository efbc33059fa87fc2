"""Media named by address: fetched through the address gate; inline media in the one spelling that providers read."""

from __future__ import annotations

import base64
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from proxy_api.chat import Audio, ChatRequest, File, Image, Message, Part, Text, ToolResult
from proxy_api.errors import BadRequest
from proxy_api.media import Fetched, spelt, to_fetch, with_media
from tests import loopback
from tests.loopback import Behaviour, Upstream

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
PDF = b"%PDF-1.7 ..."
BLOCKED = "Media URL resolves to a blocked address"


@pytest.fixture
def host() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def reachable(settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)


def held(body: bytes, kind: str = "image/png", **headers: Any) -> Behaviour:
    return loopback.answer(body, content_type=kind, **headers)


def moved(address: str, status: int = 302) -> Behaviour:
    return loopback.answer(b"", status, [("Location", address)])


def asking(*parts: Part) -> ChatRequest:
    return ChatRequest("m", (Message("system", (Text("s"),)), Message("user", parts)))


def run(waiting: Generator[None, None, ChatRequest]) -> ChatRequest:
    try:
        while True:
            next(waiting)
    except StopIteration as stop:
        found: ChatRequest = stop.value
        return found


def fetch(request: ChatRequest, kept: dict[str, Fetched] | None = None, wants_bytes: bool = True) -> ChatRequest:
    return run(with_media(request, wants_bytes=wants_bytes, kept={} if kept is None else kept, watch=None))


def refused(request: ChatRequest, wants_bytes: bool = True) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        fetch(request, wants_bytes=wants_bytes)
    assert caught.value.status == 400
    return caught.value


def only(request: ChatRequest) -> Part:
    return request.messages[-1].parts[0]


@pytest.mark.usefixtures("reachable")
def test_an_image_is_fetched_with_its_type_and_its_other_fields_stay(host: Upstream) -> None:
    host.script(held(PNG, "image/png; charset=binary"))
    image = Image(url=f"{host.url}/a.png", detail="low", cache_control={"type": "ephemeral"})
    found = only(fetch(asking(image)))
    data = base64.b64encode(PNG).decode()
    assert found == Image("image/png", data, detail="low", cache_control={"type": "ephemeral"})
    assert "authorization" not in host.calls[0].headers


@pytest.mark.usefixtures("reachable")
def test_equal_addresses_are_fetched_once_and_never_again_for_another_attempt(host: Upstream) -> None:
    host.script(held(PNG))
    image, kept = Image(url=f"{host.url}/a.png"), dict[str, Fetched]()
    result = ToolResult("call_1", (Text("seen"), image))
    request = ChatRequest("m", (Message("user", (image, image)), Message("tool", (result,))))
    first = fetch(request, kept)
    assert fetch(request, kept) == first
    assert host.count == 1
    inner = first.messages[1].parts[0]
    assert isinstance(inner, ToolResult)
    assert inner.parts[1] == first.messages[0].parts[0]


@pytest.mark.usefixtures("reachable")
def test_different_addresses_are_fetched_at_the_same_time(host: Upstream) -> None:
    host.script(loopback.raw(b"", loopback.wire_of(PNG, content_type="image/png"), gap=1))
    start = time.monotonic()
    fetch(asking(*(Image(url=f"{host.url}/{number}.png") for number in range(6))))
    assert host.count == 6
    assert time.monotonic() - start < 5


@pytest.mark.usefixtures("reachable")
def test_a_slow_address_is_said_as_silence(host: Upstream, settings: Settings) -> None:
    settings.DRAGOMAN_PING_INTERVAL = 0.1
    host.script(loopback.raw(b"", loopback.wire_of(PNG, content_type="image/png"), gap=0.9))
    waiting = with_media(asking(Image(url=f"{host.url}/a")), wants_bytes=True, kept={}, watch=None)
    assert next(waiting) is None
    assert isinstance(only(run(waiting)), Image)


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize(
    ("body", "said", "kind"),
    [
        (PNG, "image/jpeg", "image/png"),
        (PNG, "application/octet-stream", "image/png"),
        (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        (b"GIF89a", "binary/octet-stream", "image/gif"),
        (b"RIFF1234WEBPVP8 ", "image/png", "image/webp"),
        (b"unknown", "image/avif", "image/avif"),
    ],
)
def test_the_first_bytes_tell_the_type_where_they_are_known(host: Upstream, body: bytes, said: str, kind: str) -> None:
    host.script(held(body, said))
    found = only(fetch(asking(Image(url=f"{host.url}/a"))))
    assert isinstance(found, Image)
    assert found.media_type == kind


@pytest.mark.usefixtures("reachable")
def test_a_document_behind_an_image_part_becomes_a_file(host: Upstream) -> None:
    host.script(held(PDF, "application/octet-stream"))
    data = base64.b64encode(PDF).decode()
    assert only(fetch(asking(Image(url=f"{host.url}/a")))) == File("application/pdf", data)
    named = File(url=f"{host.url}/a", filename="a.pdf")
    assert only(fetch(asking(named))) == File("application/pdf", data, filename="a.pdf")


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(host: Upstream, status: int) -> None:
    host.then(moved("/other?a=1#part", status), held(PNG))
    assert isinstance(only(fetch(asking(Image(url=f"{host.url}/a")))), Image)
    assert [call.path for call in host.calls] == ["/a", "/other?a=1"]


@pytest.mark.usefixtures("reachable")
def test_three_redirects_are_followed_and_no_fourth(host: Upstream) -> None:
    host.then(*[moved("/again")] * 3, held(PNG))
    fetch(asking(Image(url=f"{host.url}/a")))
    host.then(*[moved("/again")] * 4)
    assert "redirects too often" in refused(asking(Image(url=f"{host.url}/b"))).message


PRIVATE = [
    "http://127.0.0.1:{port}/a.png",
    "http://127.1:{port}/a.png",
    "http://2130706433:{port}/a.png",
    "http://0x7f000001:{port}/a.png",
    "http://localhost:{port}/a.png",
    "http://[::1]:{port}/a.png",
    "http://[::ffff:127.0.0.1]:{port}/a.png",
    "http://10.0.0.1/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "http://192.168.1.1/a.png",
    "http://user@127.0.0.1:{port}/a.png",
    "http://127.0.0.1:{port}\\@example.com/a.png",
]


@pytest.mark.parametrize("wants_bytes", [True, False])
@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_and_never_connected_to(host: Upstream, address: str, wants_bytes: bool) -> None:
    error = refused(asking(Text("Look:"), Image(url=address.format(port=host.port))), wants_bytes)
    assert (error.message, error.param) == (BLOCKED, "messages[1].content[1]")
    assert host.connections == 0


@pytest.mark.parametrize("address", ["http://10.0.0.1/", "https://169.254.169.254/", "http://[::1]/", "http://0/"])
def test_a_redirect_to_a_private_address_is_refused(host: Upstream, settings: Settings, address: str) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    host.script(moved(address))
    assert refused(asking(File(url=f"{host.url}/a"))).message == BLOCKED


def test_a_redirect_to_another_private_host_is_refused_before_it_is_connected_to(settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    with Upstream() as host, Upstream() as canary:
        host.script(moved(f"http://127.0.0.2:{canary.port}/"))
        assert refused(asking(Image(url=f"{host.url}/a"))).message == BLOCKED
        assert canary.connections == 0


def test_a_name_that_resolves_to_a_private_address_is_refused(host: Upstream) -> None:
    """`localhost.` with its dot is no literal: only the resolver knows."""
    error = refused(asking(Image(url=f"http://localhost.localdomain:{host.port}/a")))
    assert error.param == "messages[1].content[0]"
    assert host.connections == 0


@pytest.mark.usefixtures("reachable")
def test_media_over_the_limit_are_refused_alone_and_together(host: Upstream, settings: Settings) -> None:
    settings.DRAGOMAN_MEDIA_MAX_BYTES = 1000
    host.script(held(PNG + bytes(600)))
    fetch(asking(Image(url=f"{host.url}/a")))
    both = refused(asking(Image(url=f"{host.url}/a"), Image(url=f"{host.url}/b")))
    host.script(held(PNG + bytes(1000)))
    for error in (both, refused(asking(Image(url=f"{host.url}/a")))):
        assert (error.code, error.message) == (
            "media_too_large",
            "The media of this request are larger than 1000 bytes",
        )


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (held(b"<html>", "application/zip"), "application/zip"),
        (held(b"?", ""), "without a type"),
        (loopback.answer(b"", 404), "answered 404"),
        (loopback.answer(b"", 204), "could not be fetched"),
        (loopback.answer(b"", 302), "could not be fetched"),
        (loopback.reset, "could not be fetched"),
        (loopback.short_length(PNG), "could not be fetched"),
        (loopback.hang, "in time"),
    ],
)
def test_what_cannot_be_fetched_is_the_callers_400(
    host: Upstream, settings: Settings, behaviour: Behaviour, message: str
) -> None:
    settings.DRAGOMAN_MEDIA_TIMEOUT = 0.5
    host.script(behaviour)
    error = refused(asking(Image(url=f"{host.url}/secret-token")))
    assert message in error.message
    assert "secret-token" not in error.message
    assert error.param == "messages[1].content[0]"


def test_what_the_target_can_fetch_is_left_to_it(settings: Settings) -> None:
    """https for a target that takes addresses, object stores for every one, Google's own for Google."""
    assert to_fetch("https://example.com/a.png", "w", True)
    assert not to_fetch("https://example.com/a.png", "w", False)
    assert to_fetch("http://example.com/a.png", "w", False)
    for address in ("gs://bucket/a.png", "s3://bucket/a.png"):
        assert not to_fetch(address, "w", True)
    for address in ("https://generativelanguage.googleapis.com/v1beta/files/abc", "https://youtu.be/abc"):
        assert not to_fetch(address, "w", True)
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("files.internal",)
    assert to_fetch("https://files.internal/a.png", "w", False)


def test_odd_characters_of_a_path_are_encoded_and_a_fragment_is_left_out() -> None:
    assert spelt("https://example.com/a b|ü.png?x=[1]#top") == "https://example.com/a%20b%7C%C3%BC.png?x=%5B1%5D"
    assert spelt("https://example.com") == "https://example.com"


def test_a_request_without_media_by_address_is_not_copied() -> None:
    request = asking(Text("hi"), Image("image/png", "iVBORw0KGgo="))
    assert fetch(request) is request


@pytest.mark.parametrize(
    "part", [File("application/pdf", "AB-_"), Image("image/png", "AB-_"), Audio("wav", "AB\r\n-_"), File(data="AB+/==")]
)
def test_inline_data_reach_the_target_in_the_standard_alphabet(part: Part) -> None:
    found = only(fetch(asking(part)))
    assert isinstance(found, (File, Image, Audio))
    assert found.data == "AB+/"


@pytest.mark.parametrize("data", ["no base64!", "AAAAA", "é", "AA=A"])
def test_broken_base64_is_refused(data: str) -> None:
    error = refused(asking(Text("Read:"), File("application/pdf", data)))
    assert (error.code, error.param) == ("invalid_base64", "messages[1].content[1]")


@pytest.mark.usefixtures("reachable")
def test_a_result_of_a_parallel_call_is_named_by_the_clients_own_message(host: Upstream) -> None:
    host.script(loopback.answer(b"", 404))
    results = ToolResult("a", (Text("one"),)), ToolResult("b", (Text("two"), Image(url=f"{host.url}/a")))
    request = ChatRequest("m", (Message("user", (Text("hi"),)), Message("tool", results)))
    assert refused(request).param == "messages[2].content[1]"
