"""Streams of JSON lines, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_api.errors import UpstreamError
from proxy_api.framing import MAX_BARREN
from proxy_api.framing_lines import LineReader, lines


def cut(raw: bytes, step: int) -> Iterator[bytes | None]:
    for start in range(0, len(raw), step):
        yield raw[start : start + step]


def found(raw: bytes, step: int = 1) -> list[bytes | None]:
    return [frame and frame.data for frame in lines(cut(raw, step))]


@given(st.lists(st.binary(min_size=1).filter(lambda data: b"\n" not in data and data.strip())), st.integers(1, 50))
def test_lines_come_whole_however_they_are_cut(said: list[bytes], step: int) -> None:
    raw = b"".join(data + b"\n" for data in said)
    assert found(raw, step) == [data.strip() for data in said]


def test_crlf_blank_lines_and_a_tail_without_its_end() -> None:
    assert found(b'{"a":1}\r\n\r\n\n{"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert found(b"") == found(b"\n\r\n") == []


def test_silences_are_passed_on() -> None:
    pieces: list[bytes | None] = [b"1\n2", None, b"\n"]
    assert [frame and frame.data for frame in lines(iter(pieces))] == [b"1", None, b"2"]


def test_a_frame_keeps_its_bytes() -> None:
    assert next(lines(iter([b' {"a":1}\r\n']))) == (b' {"a":1}\r\n', None, b'{"a":1}')


@pytest.mark.parametrize("raw", [b"x" * 11, b"x" * 11 + b"\n", b"1\n" + b"x" * 11])
def test_a_line_over_the_limit_is_an_error(raw: bytes) -> None:
    with pytest.raises(UpstreamError, match="larger"):
        LineReader(limit=10).feed(raw)


def test_a_flood_of_blank_lines_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="more lines"):
        LineReader().feed(b"\n" * (MAX_BARREN + 1))
