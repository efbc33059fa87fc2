"""A body that is sent on while it comes: the form's model, its length, and what goes wrong on either side."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest

from proxy_api.errors import BadRequest, ClientGone
from proxy_api.transport import send
from proxy_api.uploads import PIECE, Arriving, arriving
from proxy_api.upstream import Upload, UpstreamRequest
from tests.loopback import Upstream, answer
from tests.proxy_api.calls import PATIENT

MEDIA = 'multipart/form-data; charset=utf-8; boundary="a-b.c"'


def form(*fields: bytes) -> bytes:
    return b"".join(b"--a-b.c\r\n" + field + b"\r\n" for field in fields) + b"--a-b.c--\r\n"


def field(name: bytes, value: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (name, value)


def arrived(body: bytes, media: str = MEDIA, limit: int = 1 << 30) -> Arriving:
    return arriving(io.BytesIO(body), len(body), limit, media)


def whole(upload: Upload) -> bytes:
    body = b"".join(upload.pieces)
    assert upload.length in (None, len(body))
    return body


def test_the_model_that_a_form_names_is_found_and_replaced() -> None:
    body = form(field(b"file", b"x" * 300_000), field(b"n", b"1"))
    named = form(field(b"prompt", b"Hi"), field(b"model", b"openai/whisper-1"))[: -len(b"--a-b.c--\r\n")] + body
    assert arrived(named).model() == "openai/whisper-1"
    assert whole(arrived(named).upload("whisper-1")) == named.replace(b"openai/", b"")
    assert whole(arrived(named).upload()) == named


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (form(field(b"prompt", b"1")), MEDIA),
        (form(field(b"prompt", field(b"model", b"x"))), MEDIA),  # inside another field's text
        (form(field(b"model", b"x")), "application/octet-stream"),
        (form(field(b"model", b"x")), "multipart/form-data"),
        (form(field(b"file", b"x" * PIECE), field(b"model", b"x")), MEDIA),  # beyond what is looked at
        (b"", MEDIA),
    ],
)
def test_a_body_that_names_no_model_goes_on_as_it_is(body: bytes, media: str) -> None:
    assert arrived(body, media).model() == ""
    assert whole(arrived(body, media).upload("other")) == body


def test_a_body_that_is_cut_or_over_the_limit_is_the_clients_fault() -> None:
    with pytest.raises(ClientGone):
        whole(arriving(io.BytesIO(b"x" * 100_000), 200_000, 1 << 30, "").upload())
    with pytest.raises(BadRequest) as large:
        whole(arriving(io.BytesIO(b"x" * 100_000), None, 90_000, "").upload())
    assert large.value.status == 413


def post(url: str, upload: Upload) -> UpstreamRequest:
    return UpstreamRequest("POST", f"{url}/v1/files", {"content-type": "text/plain"}, upload, trusted=True)


@pytest.mark.parametrize("length", [None, 6])
def test_an_upload_is_written_with_its_length_or_in_chunks(length: int | None) -> None:
    with Upstream() as upstream:
        upstream.script(answer(b"{}"))
        exchange = send(post(upstream.url, Upload(iter([b"one", b"two"]), length)), PATIENT)
        assert exchange.body() == b"{}"
        exchange.close()
        [call] = upstream.calls
        assert call.body == b"onetwo"
        assert call.headers.get("content-length") == (None if length is None else "6")


def test_a_failure_of_the_client_is_no_failure_of_the_provider() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise BadRequest("cut")

    with Upstream() as upstream, pytest.raises(BadRequest):
        send(post(upstream.url, Upload(pieces(), 6)), PATIENT)


def test_a_provider_that_answers_before_the_upload_is_whole_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse_at_once, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        exchange = send(post(url, Upload(iter([b"x" * PIECE] * 1000), PIECE * 1000)), PATIENT)
        head = exchange.head()
        assert head is not None
        assert (head.status, exchange.body()) == (413, b"no")
        exchange.close()


def refuse_at_once(listener: socket.socket) -> None:
    sock, _ = listener.accept()
    sock.recv(1 << 16)
    sock.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(1 << 20):
        pass
    sock.close()
