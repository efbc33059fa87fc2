"""What Redis holds of a running call: each record opens at its place, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from cache_admin.sealed import Slot
from keys.sealing import SealBroken
from proxy_api.errors import UpstreamError
from proxy_api.joining import published
from proxy_api.joining.published import ANSWER, FRAMES, Item, Told
from proxy_api.joining.shared import End

SLOT = Slot(bytes(32), "key:1")
HEAD = published.head(Told("openai", "gpt", "main", ["seed: unknown"]), usage=True)
ITEMS = [HEAD, Item(FRAMES, b"data: {}\n\n" * 100), Item(FRAMES, b"data: 2\n\n"), Item(ANSWER, b'{"id":"1"}')]
RECORDS = [published.written(SLOT, "call", number, item) for number, item in enumerate(ITEMS)]
WHOLE = b"".join(RECORDS)


def test_what_is_written_is_read_whole_and_record_by_record() -> None:
    assert published.read(SLOT, "call", 0, WHOLE) == ITEMS
    assert [published.read(SLOT, "call", number, one) for number, one in enumerate(RECORDS)] == [[i] for i in ITEMS]
    assert published.read(SLOT, "call", 0, b"") == []


def test_nothing_of_it_can_be_read_without_the_ring() -> None:
    assert b"data" not in WHOLE
    assert b"openai" not in WHOLE


@pytest.mark.parametrize("cut", [1, 3, 4, 40, len(RECORDS[0]) + 1, len(WHOLE) - 1])
def test_a_cut_at_any_place_is_no_record(cut: int) -> None:
    with pytest.raises(SealBroken):
        published.read(SLOT, "call", 0, WHOLE[:cut])


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
    found, again = published.read_error(published.ending(End(error=error, again="once")).said)
    assert again == "once"
    assert published.error_fields(found) == published.error_fields(error)
    assert published.ending(End(answer=b"{}")) == Item(ANSWER, b"{}")
