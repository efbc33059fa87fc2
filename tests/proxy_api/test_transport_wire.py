"""HTTP/1.1 without a socket: answers whole, byte by byte and with a tail; what is refused; codings undone."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.outward.outbound import read_url
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.transport_wire import Answer, Head, decoded, refuse_odd_answer, request_head

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello"
URL = read_url("https://api.openai.com/v1/chat/completions")

# wire, status, body, whether the connection can be used again
ANSWERS = [
    (LENGTH, 429, b"hello", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    (CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, b"hello world", True),
    (CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"hello", True),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH, 429, b"hello", True),
]

BROKEN = [
    b"<html>nothing here</html>",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nName : x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5\nhello\n0\n\n",
    CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
    CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"ffffffffffffffffff\r\nhello",
    b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % at for at in range(150)) + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n",
    CHUNKED + b"5;" + b"x" * (1 << 20),
    CHUNKED + b"5\r\nhello\r\n0\r\nX: " + b"x" * (1 << 20),
    CHUNKED + b"5\r\nhello\r\n0\r\n" + b"".join(b"X-%d: 1\r\n" % at for at in range(150)) + b"\r\n",
]


def read(pieces: list[bytes]) -> tuple[Answer, bytes]:
    answer = Answer()
    body = b""
    for piece in pieces:
        answer.feed(piece)
        body += answer.take()
    return answer, body


def one_by_one(wire: bytes) -> list[bytes]:
    return [wire[at : at + 1] for at in range(len(wire))]


@pytest.mark.parametrize(("wire", "status", "body", "reusable"), ANSWERS)
def test_an_answer_reads_the_same_whole_and_byte_by_byte(wire: bytes, status: int, body: bytes, reusable: bool) -> None:
    for pieces in ([wire], one_by_one(wire)):
        answer, found = read(pieces)
        assert answer.head is not None
        assert (answer.head.status, found, answer.complete, answer.reusable()) == (status, body, True, reusable)


@pytest.mark.parametrize(("wire", "status", "body", "reusable"), ANSWERS)
def test_what_follows_an_answer_spoils_the_connection_and_not_the_answer(
    wire: bytes, status: int, body: bytes, reusable: bool
) -> None:
    for tail in (LENGTH, b"x", b"\x00\xff"):
        answer, found = read([wire + tail])
        assert answer.head is not None
        assert (answer.head.status, found, answer.complete, answer.reusable()) == (status, body, True, False)


@pytest.mark.parametrize("wire", BROKEN)
def test_what_is_not_strictly_http_or_over_a_cap_is_refused(wire: bytes) -> None:
    for size in (64 << 10, 1000, 7):
        with pytest.raises(UpstreamError):
            read([wire[at : at + size] for at in range(0, len(wire), size)])


@pytest.mark.parametrize("wire", [wire for wire, *_ in ANSWERS])
def test_no_answer_is_complete_before_its_last_byte(wire: bytes) -> None:
    answer, _ = read(one_by_one(wire[:-1]))
    assert not answer.complete
    assert not answer.ends_here()


def test_an_answer_without_a_mark_ends_with_its_connection() -> None:
    answer, body = read([b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"])
    assert not answer.complete
    assert not answer.delimited
    assert answer.ends_here()
    assert body == b"hello"
    assert not answer.reusable()


def test_names_are_lower_case_and_repeated_headers_are_joined() -> None:
    answer, _ = read([b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nSet-Cookie: \xe9\r\nContent-Length: 0\r\n\r\n"])
    assert answer.head == Head(200, {"x-a": "1, 2", "set-cookie": "é", "content-length": "0"})


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_an_upstream_error(wire: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED):
        with suppress(UpstreamError):
            read([start + wire])


@pytest.mark.parametrize("status", [101, 205, 300, 301, 302, 303, 307, 308])
def test_a_status_that_no_api_answers_is_refused(status: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        refuse_odd_answer(Head(status, {}))
    assert (caught.value.status, caught.value.retryable) == (502, False)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress"])
def test_a_coding_that_was_not_asked_for_and_is_not_known_is_refused(coding: str) -> None:
    with pytest.raises(UpstreamError):
        refuse_odd_answer(Head(200, {"content-encoding": coding}))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
@pytest.mark.parametrize("data", [b"", b"hello", b"hello" * 100_000])
def test_gzip_and_both_kinds_of_deflate_are_undone(pack: object, data: bytes) -> None:
    assert callable(pack)
    packed: bytes = pack(data)
    for pieces in ([packed], one_by_one(packed)):
        assert b"".join(piece or b"" for piece in decoded(iter([None, *pieces]))) == data


def test_a_cut_gzip_is_incomplete_and_a_broken_one_an_error() -> None:
    packed = gzip.compress(b"hello" * 100)
    for pieces in ([packed[:-1]], [packed[:15]], []):
        with pytest.raises(UpstreamIncomplete):
            list(decoded(iter(pieces)))
    with pytest.raises(UpstreamError) as caught:
        list(decoded(iter([b"\x1f\x8bnonsense"])))
    assert not isinstance(caught.value, UpstreamIncomplete)


def test_a_bomb_is_unpacked_in_small_steps() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    steps = decoded(iter([bomb]))
    assert all(len(next(steps) or b"") <= 64 << 10 for _ in range(5))


def test_a_request_is_written_with_its_length_and_without_hop_by_hop_headers() -> None:
    headers = [("Authorization", "Bearer x"), ("Connection", "x"), ("TE", "trailers"), ("Host", "evil"), ("X-A", "")]
    assert request_head("POST", URL, headers, 3) == (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nAccept-Encoding: identity\r\n"
        b"Content-Length: 3\r\nAuthorization: Bearer x\r\nX-A: \r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "a\r", "\x00", "é", "ключ", "\x7f"])
def test_a_header_with_a_forbidden_byte_is_never_written(value: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        request_head("POST", URL, [("Authorization", value)], 0)
    assert value not in caught.value.message
    with pytest.raises(UpstreamError):
        request_head("POST", URL, [(f"x{value}", "1")], 0)
