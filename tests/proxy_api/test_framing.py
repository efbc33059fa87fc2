"""Frames are cut the same however the bytes arrive: whole, byte by byte, at random cuts, and with a tail."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_api.errors import UpstreamError
from proxy_api.framing import DONE, MAX_BARREN, MAX_FRAMES, PING, Frame, SseReader, frames, sse, unbroken

CHUNK = b'data: {"choices":[{"delta":{"content":"h\xc3\xa9\xf0\x9f\x99\x82"}}]}\n\n'

# wire, the (event, data) pairs in it
TABLE: list[tuple[bytes, list[tuple[bytes | None, bytes | None]]]] = [
    (b"data: a\n\n", [(None, b"a")]),
    (b"data: a\r\n\r\n", [(None, b"a")]),
    (b"data: a\r\r", [(None, b"a")]),
    (b"data: a\n\ndata: b\n\n", [(None, b"a"), (None, b"b")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [(None, b"a"), (None, b"b")]),
    (b"data: a\r\rdata: b\r\r", [(None, b"a"), (None, b"b")]),
    (b"data: a\n\r\ndata: b\n\rdata: c\n\n", [(None, b"a"), (None, b"b"), (None, b"c")]),
    (b"\xef\xbb\xbfdata: a\n\n", [(None, b"a")]),
    (b"data: one\ndata: two\n\n", [(None, b"one\ntwo")]),
    (b"data\n\n", [(None, None)]),
    (b"data:\n\n", [(None, None)]),
    (b"data:a\n\n", [(None, b"a")]),
    (b"data:  a \n\n", [(None, b" a ")]),
    (b": OPENROUTER PROCESSING\n\n", [(None, None)]),
    (b"retry: 3000\nid: 7\n\n", [(None, None)]),
    (b": note\nevent: ping\ndata: {}\n\n", [(b"ping", b"{}")]),
    (b"event: message_stop\r\ndata: {}\r\n\r\n", [(b"message_stop", b"{}")]),
    (b"\n\n\ndata: a\n\n\n\ndata: b\n\n\n", [(None, b"a"), (None, b"b")]),
    (b"data: a: b\n\n", [(None, b"a: b")]),
    (b"data: [DONE]", [(None, b"[DONE]")]),
    (b"data: a\n\ndata: b\n", [(None, b"a"), (None, b"b")]),
    (b"\xef\xbb", [(None, None)]),
    (CHUNK * 2 + DONE, [(None, CHUNK[6:-2]), (None, CHUNK[6:-2]), (None, b"[DONE]")]),
    (b"", []),
    (b"\r\n", []),
]


def read(pieces: list[bytes]) -> list[Frame]:
    return [frame for frame in frames(iter(pieces)) if frame is not None]


def fields(found: list[Frame]) -> list[tuple[bytes | None, bytes | None]]:
    return [(frame.event, frame.data) for frame in found]


def one_by_one(wire: bytes) -> list[bytes]:
    return [wire[at : at + 1] for at in range(len(wire))]


@pytest.mark.parametrize(("wire", "expected"), TABLE)
def test_a_stream_is_read_whole(wire: bytes, expected: list[tuple[bytes | None, bytes | None]]) -> None:
    assert fields(read([wire])) == expected


@pytest.mark.parametrize(("wire", "expected"), TABLE)
def test_a_stream_is_read_byte_by_byte(wire: bytes, expected: list[tuple[bytes | None, bytes | None]]) -> None:
    assert fields(read(one_by_one(wire))) == expected


@pytest.mark.parametrize(("wire", "expected"), TABLE)
def test_a_stream_is_read_in_two_pieces_wherever_it_is_cut(
    wire: bytes, expected: list[tuple[bytes | None, bytes | None]]
) -> None:
    for at in range(len(wire) + 1):
        assert fields(read([wire[:at], wire[at:]])) == expected


def reference(wire: bytes) -> list[tuple[bytes | None, bytes | None]]:
    """The specification, line by line over the whole stream."""
    found: list[tuple[bytes | None, bytes | None]] = []
    lines: list[bytes] = []
    for line in [*re.split(rb"\r\n|\n|\r", wire.removeprefix(b"\xef\xbb\xbf")), b""]:
        if line:
            lines.append(line)
        elif lines:
            pairs = [(name, value.removeprefix(b" ")) for name, _, value in (part.partition(b":") for part in lines)]
            data = [value for name, value in pairs if name == b"data"]
            event = [value for name, value in pairs if name == b"event"]
            found.append((event[-1] if event else None, b"\n".join(data) or None))
            lines = []
    return found


WIRES = st.lists(
    st.sampled_from([b"data: a", b"data:b", b"data", b": c", b"event: e", b"\n", b"\r", b"\r\n", b"\n\n", "é".encode()])
).map(b"".join)


@given(st.data(), WIRES)
def test_any_stream_cut_anywhere_reads_as_the_specification_says(data: st.DataObject, wire: bytes) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    pieces = [wire[start:end] for start, end in pairwise([0, *cuts, len(wire)])]
    assert fields(read(pieces)) == reference(wire)


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")), min_size=1))
def test_what_is_written_is_read_back(lines: list[bytes]) -> None:
    wire = b"".join(sse(line, b"delta") for line in lines)
    assert fields(read(one_by_one(wire))) == [(b"delta", line or None) for line in lines]


def test_the_raw_bytes_of_the_frames_are_the_stream() -> None:
    wire = CHUNK * 3 + PING + b"event: x\r\ndata: {}\r\n\r\n" + DONE
    for pieces in ([wire], one_by_one(wire), [wire[:70], wire[70:]]):
        assert b"".join(frame.raw for frame in read(pieces)) == wire


def test_a_frame_is_given_as_soon_as_its_blank_line_is_there() -> None:
    reader = SseReader()
    assert reader.feed(b"data: a\r\r") == [Frame(b"data: a\r\r", None, b"a")]
    assert reader.feed(b"data: b\r\n\r\n") == [Frame(b"data: b\r\n\r\n", None, b"b")]
    assert reader.feed(b"data: c\n\n") == [Frame(b"data: c\n\n", None, b"c")]


def test_a_tail_gets_the_blank_line_that_it_lacks() -> None:
    assert read([b"data: [DONE]\n"]) == [Frame(DONE, None, b"[DONE]")]


def test_silence_is_passed_on_where_it_came() -> None:
    assert list(frames(iter([None, b"data: a", None, b"\n\n"]))) == [None, None, Frame(b"data: a\n\n", None, b"a")]


def test_data_with_line_breaks_cannot_leave_its_frame() -> None:
    wire = sse(b'{"a":1}\n\ndata: {"b":2}')
    assert fields(read([wire])) == [(None, b'{"a":1}\n\ndata: {"b":2}')]


def test_no_reader_of_lines_breaks_json_apart() -> None:
    said = ["a\u2028b", "c\u2029d", "e\x85f", "\u2019\u2014\u00c5 and the rest"]
    text = unbroken(orjson.dumps(said))
    assert text.decode().splitlines() == [text.decode()]
    assert orjson.loads(text) == said
    assert "\u2019\u2014\u00c5".encode() in text


@pytest.mark.parametrize(
    "piece", [b"data: " + b"x" * 2000, b"data: " + b"x" * 2000 + b"\n\n", b": " + b"x" * 2000 + b"\n\n"]
)
def test_an_event_over_the_limit_is_refused(piece: bytes) -> None:
    reader = SseReader(limit=1000)
    reader.feed(b"data: fine\n\n")
    with pytest.raises(UpstreamError):
        reader.feed(piece)


def test_many_small_events_in_one_piece_are_no_large_event() -> None:
    assert len(SseReader(limit=100).feed(b"data: fine\n\n" * 1000)) == 1000


def test_a_flood_of_tiny_events_is_refused() -> None:
    flood = b"data: {}\n\n" * 10_000
    with pytest.raises(UpstreamError):
        read([flood] * 41)
    for barren in (b":\n\n", b"data:\n\n", b"event: ping\n\n"):
        assert len(read([barren] * MAX_BARREN)) == MAX_BARREN
        with pytest.raises(UpstreamError):
            read([barren] * (MAX_BARREN + 1))
    one = SseReader()
    for _ in range(MAX_FRAMES):
        one.feed(DONE)
    with pytest.raises(UpstreamError):
        one.feed(DONE)


def _seconds(pieces: list[bytes]) -> float:
    started = time.thread_time()
    read(pieces)
    return time.thread_time() - started


def test_a_long_event_costs_linear_time_even_byte_by_byte() -> None:
    size = 100_000
    short = min(_seconds(one_by_one(b"data: " + b"x" * size)) for _ in range(3))
    long = min(_seconds(one_by_one(b"data: " + b"x" * size * 4)) for _ in range(3))
    assert long < short * 8  # quadratic would be 16


def test_a_megabyte_in_small_pieces_takes_no_second() -> None:
    wire = b"data: " + b"x" * 1_000_000 + b"\n\n"
    assert _seconds([wire[at : at + 512] for at in range(0, len(wire), 512)]) < 1
