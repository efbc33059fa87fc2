"""Event stream messages are read the same however the bytes arrive, and never where a checksum does not match.

Layout after https://smithy.io/2.0/aws/amazon-eventstream.html ; the two literal messages are worked out by hand.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import MAX_FRAMES, Frame
from proxy_api.framing_aws import EventReader, accept, event, frames, message

# No headers, no payload: 16 bytes, and CRC-32 of 00 00 00 10 00 00 00 00.
EMPTY = bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
# No headers, the payload {'foo':'bar'}.
PAYLOAD = bytes.fromhex("0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936")
STREAM = event("messageStart", b'{"role":"assistant"}') + event("messageStop", '{"é":"🙂"}'.encode())
SEEN = [(b"messageStart", b'{"role":"assistant"}'), (b"messageStop", '{"é":"🙂"}'.encode())]


def read(pieces: list[bytes]) -> list[Frame]:
    return [frame for frame in frames(iter(pieces)) if frame is not None]


def fields(found: list[Frame]) -> list[tuple[bytes | None, bytes | None]]:
    return [(frame.event, frame.data) for frame in found]


def one_by_one(wire: bytes) -> list[bytes]:
    return [wire[at : at + 1] for at in range(len(wire))]


def framed(block: bytes, data: bytes = b"{}") -> bytes:
    """A message around a header block that is given as bytes."""
    prelude = struct.pack(">II", 16 + len(block) + len(data), len(block))
    told = prelude + struct.pack(">I", crc32(prelude)) + block + data
    return told + struct.pack(">I", crc32(told))


def test_the_smallest_message_has_neither_event_nor_data() -> None:
    assert read([EMPTY]) == [Frame(EMPTY, None, None)]
    assert message(b"", {}) == EMPTY


def test_a_payload_without_headers_is_data() -> None:
    assert read([PAYLOAD]) == [Frame(PAYLOAD, None, b"{'foo':'bar'}")]
    assert message(b"{'foo':'bar'}", {}) == PAYLOAD


def test_a_stream_is_read_whole_and_byte_by_byte_with_its_bytes_kept() -> None:
    for pieces in ([STREAM], one_by_one(STREAM)):
        assert fields(read(pieces)) == SEEN
        assert b"".join(frame.raw for frame in read(pieces)) == STREAM


def test_a_stream_is_read_in_two_pieces_wherever_it_is_cut() -> None:
    for at in range(len(STREAM) + 1):
        assert fields(read([STREAM[:at], STREAM[at:]])) == SEEN


@given(st.data(), st.lists(st.tuples(st.from_regex("[a-zA-Z]{1,30}", fullmatch=True), st.binary(max_size=60))))
def test_what_is_written_is_read_back_however_it_is_cut(data: st.DataObject, said: list[tuple[str, bytes]]) -> None:
    wire = b"".join(event(kind, payload) for kind, payload in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    pieces = [wire[start:end] for start, end in pairwise([0, *cuts, len(wire)])]
    assert fields(read(pieces)) == [(kind.encode(), payload or None) for kind, payload in said]


def test_a_message_is_given_as_soon_as_its_last_byte_is_there() -> None:
    reader = EventReader()
    whole = event("messageStart", b"{}")
    assert reader.feed(whole[:-1]) == []
    assert fields(reader.feed(whole[-1:] + whole[:5])) == [(b"messageStart", b"{}")]


def test_an_exception_is_named_by_its_type() -> None:
    wire = message(
        b'{"message":"Slow"}',
        {":message-type": "exception", ":exception-type": "throttlingException", ":event-type": "x"},
    )
    assert fields(read([wire])) == [(b"throttlingException", b'{"message":"Slow"}')]


def test_an_error_message_has_its_code_and_sentence_in_the_headers() -> None:
    wire = message(
        b"", {":message-type": "error", ":error-code": "InternalFailure", ":error-message": 'The "thing" failed'}
    )
    assert fields(read([wire])) == [(b"error", b'{"code":"InternalFailure","message":"The \\"thing\\" failed"}')]


def test_headers_of_every_type_are_passed_over() -> None:
    block = b"".join(
        bytes([1]) + name + bytes([kind]) + value
        for name, kind, value in (
            (b"a", 0, b""),
            (b"b", 1, b""),
            (b"c", 2, b"\x01"),
            (b"d", 3, b"\x00\x01"),
            (b"e", 4, b"\x00\x00\x00\x01"),
            (b"f", 5, b"\x00" * 8),
            (b"g", 6, b"\x00\x03abc"),
            (b"h", 7, b"\x00\x01x"),
            (b"i", 8, b"\x00" * 8),
            (b"j", 9, b"\x00" * 16),
        )
    )
    named = b"\x0b:event-type\x07\x00\x04name"
    assert fields(read([framed(block + named)])) == [(b"name", b"{}")]
    assert fields(read([framed(named + b"\x01p\x06" + struct.pack(">H", 400) + b"p" * 400)])) == [(b"name", b"{}")]


@pytest.mark.parametrize(
    "block", [b"\x01a\x0a", b"\x05a", b"\x01a\x07\x00\x09x", b"\x01a\x07\x00", b"\x01", b"\x01a\x05\x00"]
)
def test_headers_that_are_none_are_refused(block: bytes) -> None:
    with pytest.raises(UpstreamError):
        read([framed(block)])


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_no_byte_can_change_unnoticed(at: int) -> None:
    broken = bytearray(STREAM)
    broken[at] ^= 1
    with pytest.raises((UpstreamError, UpstreamIncomplete)):
        read([bytes(broken)])


@pytest.mark.parametrize("at", [1, 11, 12, 40, len(STREAM) - 1])
def test_a_stream_that_stops_within_a_message_is_incomplete(at: int) -> None:
    whole = event("messageStart", b"{}")
    assert len(whole) not in (1, 11, 12, 40)
    found: list[Frame] = []
    with pytest.raises(UpstreamIncomplete):
        found.extend(frame for frame in frames(iter([whole, STREAM[:at]])) if frame is not None)


def test_silence_is_passed_on_where_it_came() -> None:
    wire = event("messageStop", b"{}")
    said = list(frames(iter([None, wire[:3], None, wire[3:]])))
    assert said == [None, None, Frame(wire, b"messageStop", b"{}")]


def test_a_message_over_the_limit_is_refused_before_it_is_read() -> None:
    reader = EventReader(limit=1000)
    reader.feed(event("messageStart", b"{}"))
    with pytest.raises(UpstreamError):
        reader.feed(event("contentBlockDelta", b"x" * 1000)[:12])


def test_lengths_that_contradict_each_other_are_refused() -> None:
    for size, headers in ((16, 1), (12, 0), (0, 0), (100, 85)):
        prelude = struct.pack(">II", size, headers)
        with pytest.raises(UpstreamError):
            read([prelude + struct.pack(">I", crc32(prelude)) + b"\x00" * 100])


def test_a_flood_of_empty_messages_is_refused() -> None:
    reader = EventReader()
    for _ in range(MAX_FRAMES // 1000):
        reader.feed(EMPTY * 1000)
    with pytest.raises(UpstreamError):
        reader.feed(EMPTY)


def test_the_cost_is_linear_however_the_bytes_are_cut() -> None:
    wire = event("contentBlockDelta", b"x" * 500_000)

    def spent(pieces: Iterator[bytes]) -> float:
        reader, start = EventReader(), time.process_time()
        for piece in pieces:
            reader.feed(piece)
        return time.process_time() - start

    assert spent(wire[at : at + 1] for at in range(len(wire))) < 5


def test_the_accept_header_names_the_stream() -> None:
    assert (accept(True), accept(False)) == ("application/vnd.amazon.eventstream", "application/json")
