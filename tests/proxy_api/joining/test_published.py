"""What Redis holds of a running call: each record opens at its place, and nothing else is taken for one."""

from __future__ import annotations

from contextlib import suppress

import pytest

from cache_admin.sealed import Slot
from keys.secrecy.sealing import SealBroken
from proxy_api.errors import UpstreamError
from proxy_api.joining import published
from proxy_api.joining.published import ANSWER, FRAMES, PART, Item, Told
from proxy_api.joining.shared import End

SLOT = Slot(bytes(32), "key:1")
HEAD = published.head(Told("openai", "gpt", "main", ["seed: unknown"]), usage=True)
ITEMS = [HEAD, Item(FRAMES, b"data: {}\n\n" * 100), Item(FRAMES, b"data: 2\n\n"), Item(ANSWER, b'{"id":"1"}')]
RECORDS = [published.written(SLOT, "call", number, item) for number, item in enumerate(ITEMS)]
WHOLE = b"".join(RECORDS)


def test_what_is_written_is_read_whole_and_record_by_record() -> None:
    assert published.read(SLOT, "call", 0, WHOLE) == (ITEMS, len(WHOLE))
    for number, one in enumerate(RECORDS):
        assert published.read(SLOT, "call", number, one) == ([ITEMS[number]], len(one))
    assert published.read(SLOT, "call", 0, b"") == ([], 0)


def test_nothing_of_it_can_be_read_without_the_ring() -> None:
    assert b"data" not in WHOLE
    assert b"openai" not in WHOLE


@pytest.mark.parametrize("whole", range(len(RECORDS)))
@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 40])
def test_of_what_is_cut_the_whole_records_are_read(whole: int, cut: int) -> None:
    before = b"".join(RECORDS[:whole])
    assert published.read(SLOT, "call", 0, before + RECORDS[whole][:cut]) == (ITEMS[:whole], len(before))
    assert published.length_at(RECORDS[whole], 0) == len(RECORDS[whole])


@pytest.mark.parametrize("data", [b"\xff" * 100, bytes(100), WHOLE[1:], WHOLE[7:]])
def test_what_is_no_record_is_not_taken_for_one(data: bytes) -> None:
    with suppress(SealBroken):
        assert published.read(SLOT, "call", 0, data) == ([], 0)


@pytest.mark.parametrize("size", [0, 1, published.PART_BYTES, published.PART_BYTES + 1, 3 * published.PART_BYTES])
def test_a_long_answer_is_told_in_parts(size: int) -> None:
    answer = bytes(size)
    items = published.ending(End(answer=answer))
    assert [item.kind for item in items[:-1]] == [PART] * (len(items) - 1)
    assert items[-1].kind == ANSWER
    assert b"".join(item.said for item in items) == answer
    assert max(len(item.said) for item in items) <= published.PART_BYTES


def test_records_of_another_call_number_or_order_do_not_open() -> None:
    for call, number, data in (
        ("another", 0, WHOLE),
        ("call", 1, WHOLE),
        ("call", 0, RECORDS[1] + RECORDS[0]),
        ("call", 0, RECORDS[0] + RECORDS[0]),
        ("call", 0, RECORDS[0] + RECORDS[2]),
    ):
        with pytest.raises(SealBroken):
            published.read(SLOT, call, number, data)


def test_who_answers_and_how_it_ended_come_back_as_they_were() -> None:
    assert published.read_head(HEAD.said) == (Told("openai", "gpt", "main", ["seed: unknown"]), True)
    error = UpstreamError("out of order", status=503, param="seed", headers={"retry-after": "3"})
    (item,) = published.ending(End(error=error, again="once"))
    found, again = published.read_error(item.said)
    assert again == "once"
    assert published.error_fields(found) == published.error_fields(error)
