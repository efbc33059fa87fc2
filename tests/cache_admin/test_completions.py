"""Completions: found in either tier, by their own scope alone, and never once expired, moved or damaged."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from cache_admin import lookup, sealed
from cache_admin.completions import Completion, cassette_slot, find, is_sealed_to_caller, opened, store, value_of
from cache_admin.counters import counted
from cache_admin.models import StoredCompletion
from cache_admin.sealed import Slot
from cache_admin.spool import read_frames
from keys.secrecy.sealing import SealBroken

DIGEST = hashlib.sha256(b"a request").digest()
MINE = Slot(DIGEST, "key:1")
NOW = float(int(time.time()))  # whole, so that no microsecond is rounded away in the table
ANSWER = b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "The capital is Paris"}}]}'
REQUEST = b'{"messages": [{"role": "user", "content": "What is the capital of France?"}]}'
PARIS = Completion(ANSWER, "openai", "gpt-4o-mini", "main", NOW, 3600)
LABEL = {"key_id": "k1", "key_name": "mine", "request_id": "r1", "model_asked": "gpt-4o-mini"}


def raw() -> Any:
    return cache.client.get_client()  # type: ignore[attr-defined]


def address(digest: bytes = DIGEST) -> str:
    return f"c:{digest.hex()}"


def row(completion: Completion = PARIS, digest: bytes = DIGEST, scope: str = "key:1") -> StoredCompletion:
    return StoredCompletion.objects.create(
        digest=digest.hex(),
        scope=scope,
        answer_sealed=value_of(Slot(digest, scope), completion),
        request_sealed=b"",
        created_at=datetime.fromtimestamp(completion.stored_at, UTC),
        expires_at=datetime.fromtimestamp(completion.expires_at(), UTC),
    )


def test_a_stored_completion_is_found_whole() -> None:
    assert store(MINE, PARIS, REQUEST, LABEL)
    assert find(MINE, NOW + 1) == PARIS


def test_it_is_in_redis_for_every_process_before_its_answer_is_given() -> None:
    other = cache.client.get_client()  # type: ignore[attr-defined]
    for number in range(20):
        slot = Slot(hashlib.sha256(bytes([number])).digest(), "key:1")
        assert store(slot, PARIS, REQUEST, LABEL)
        assert other.exists(address(slot.digest))


def test_another_scope_finds_nothing() -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    assert find(Slot(DIGEST, "key:2"), NOW) is None


def test_redis_forgets_it_when_its_time_and_its_grace_are_up(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 600
    store(MINE, PARIS, REQUEST, LABEL)
    assert 4190 < raw().ttl(address()) <= 4200
    assert find(MINE, NOW + 3600) is None


def test_one_that_is_stale_is_found_by_who_takes_it_so_old() -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    assert find(MINE, NOW + 3630, stale=31) == PARIS
    assert find(MINE, NOW + 3630, stale=29) is None


def test_no_life_is_longer_than_the_settings_allow(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_TTL, settings.DRAGOMAN_CACHE_GRACE = 60, 0
    store(MINE, PARIS, REQUEST, LABEL)
    assert raw().ttl(address()) <= 60


def test_an_answer_over_the_size_limit_is_not_kept(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_BYTES = len(ANSWER) - 1
    assert not store(MINE, PARIS, REQUEST, LABEL)
    assert raw().dbsize() == 0


def test_neither_redis_nor_the_spool_shows_prompt_or_answer(spool_directory: Path) -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    kept = b"".join(path.read_bytes() for path in spool_directory.glob("*.spool"))
    kept += b"".join(key + raw().get(key) for key in raw().scan_iter())
    assert len(kept) > 400
    for word in (b"capital", b"Paris", b"France", b"chatcmpl"):
        assert word not in kept


def test_the_spool_gets_what_the_table_needs(spool_directory: Path) -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    records, _ = read_frames(next(spool_directory.glob("*.spool")), 0)
    header, blob = records[-1]
    assert {"kind": "completion", "digest": DIGEST.hex(), "scope": "key:1", **LABEL}.items() <= header.items()
    request = sealed.unseal_completion(DIGEST.hex(), "key:1", "request", blob[header["answer"] :])
    assert request == REQUEST


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: value[:-1],
        lambda value: b"",
        lambda value: b"\x09" + value[1:],
        lambda value: value[:30] + bytes([value[30] ^ 1]) + value[31:],
        lambda value: b"<html>",
    ],
)
def test_a_damaged_or_foreign_value_is_a_miss_deleted_and_counted(damage: Any) -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    before = counted().get("completion_value_broken", 0)
    raw().set(address(), damage(raw().get(address())))
    assert find(MINE, NOW) is None
    assert raw().exists(address()) == 0
    assert counted()["completion_value_broken"] == before + 1


def test_one_bit_anywhere_makes_it_a_miss() -> None:
    store(MINE, PARIS, REQUEST, LABEL)
    value = raw().get(address())
    for place in range(len(value)):
        raw().set(address(), value[:place] + bytes([value[place] ^ 1 << place % 8]) + value[place + 1 :])
        assert find(MINE, NOW) is None
        assert raw().exists(address()) == 0


def test_neither_half_of_it_nor_more_than_it_opens() -> None:
    value = value_of(MINE, PARIS)
    for other in (*(value[:length] for length in range(0, len(value), 7)), value + b"\0", value + value):
        with pytest.raises(SealBroken):
            opened(MINE, other)


def test_a_value_whose_facts_are_another_versions_is_a_miss() -> None:
    for facts in (b"{}", b'{"tomorrow":1}', b"[]", b"no json", b"", b'{"provider":"p"}\n{}'):
        value = b"\x01" + MINE.seal("answer", facts + b"\n" + ANSWER)
        raw().set(address(), value)
        assert find(MINE, NOW) is None
        assert raw().exists(address()) == 0


def test_a_value_moved_to_anothers_address_is_a_miss_and_counted() -> None:
    other = hashlib.sha256(b"another request").digest()
    store(MINE, PARIS, REQUEST, LABEL)
    before = counted().get("completion_value_broken", 0)
    raw().set(address(other), raw().get(address()))
    assert find(Slot(other, "key:2"), NOW) is None
    assert find(Slot(other, "key:1"), NOW) is None
    assert counted()["completion_value_broken"] > before


def test_a_key_of_another_type_at_our_address_is_a_miss() -> None:
    raw().rpush(address(), "x")
    assert find(MINE, NOW) is None
    assert raw().exists(address()) == 0


def test_what_was_left_out_of_a_request_and_a_cassettes_name_are_kept_with_the_answer() -> None:
    more = replace(PARIS, dropped=["logit_bias: not known to the target"], headers={"openai-beta": "x=1"})
    assert opened(MINE, value_of(MINE, more)) == more


def test_what_is_sealed_to_its_caller_opens_for_the_same_caller_alone_and_for_nobody_else(
    spool_directory: Path,
) -> None:
    own, other = Slot(DIGEST, "key:1", bytes(32)), Slot(DIGEST, "key:1", bytes([1] * 32))
    store(own, PARIS, REQUEST, LABEL)
    [record] = read_frames(next(spool_directory.glob("*.spool")), 0)[0]
    cut = record.header["answer"]
    answer, request = record.blob[:cut], record.blob[cut:]
    assert (own.unseal("request", request), find(own, NOW)) == (REQUEST, PARIS)
    assert record.header["sealed_to_caller"] is True
    assert is_sealed_to_caller(answer)
    for slot in (other, MINE):
        for part, value in (("answer", answer[1:]), ("request", request)):
            with pytest.raises(SealBroken):
                slot.unseal(part, value)  # type: ignore[arg-type]  # of the two names above
    assert find(other, NOW) is None


@pytest.mark.django_db
def test_a_cassettes_slot_depends_on_its_project_and_the_requests_name() -> None:
    slots = {cassette_slot(project, name).digest for project in "ab" for name in (bytes(32), bytes([1] * 32))}
    assert len(slots) == 4
    assert cassette_slot("a", bytes(32)) == cassette_slot("a", bytes(32))


@pytest.mark.django_db(transaction=True)
def test_the_table_answers_for_redis_and_fills_it_again(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 0
    row()
    assert find(MINE, NOW + 600) == PARIS
    assert 2990 < raw().ttl(address()) <= 3000


@pytest.mark.django_db(transaction=True)
def test_the_table_answers_nothing_for_an_expired_row_or_another_scope() -> None:
    row(replace(PARIS, ttl=5))
    assert find(MINE, NOW + 5) is None
    assert find(Slot(DIGEST, "key:2"), NOW) is None


@pytest.mark.django_db(transaction=True)
def test_the_table_answers_late_within_the_grace_and_no_later(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 60
    row(replace(PARIS, ttl=5))
    assert find(MINE, NOW + 64, stale=100) == replace(PARIS, ttl=5)
    assert 0 < raw().ttl(address()) <= 60
    raw().delete(address())
    assert find(MINE, NOW + 66, stale=100) is None


@pytest.mark.django_db(transaction=True)
def test_what_came_while_redis_was_away_counts_before_what_redis_has_and_is_stale() -> None:
    newer = replace(PARIS, answer=b'{"id": "newer"}', stored_at=NOW + 3700)
    store(MINE, PARIS, REQUEST, LABEL)
    row(newer)
    assert find(MINE, NOW + 3600 + 120, stale=600) == newer
    assert find(MINE, NOW + 3600 + 121) == newer  # and Redis has it again
    raw().delete(address())
    StoredCompletion.objects.all().delete()
    older = replace(PARIS, stored_at=NOW - 60)
    store(MINE, PARIS, REQUEST, LABEL)
    row(older)
    assert find(MINE, NOW + 3630, stale=600) == PARIS


@pytest.mark.django_db(transaction=True)
def test_who_looks_up_may_ask_redis_in_a_way_of_its_own() -> None:
    value, addresses = value_of(MINE, PARIS), list[str]()

    def get(address: str) -> bytes:
        addresses.append(address)
        return value

    assert find(MINE, NOW, get=get) == PARIS
    assert addresses == [f"c:{MINE.name}"]


@pytest.mark.parametrize("caller_key", [b"", bytes(32)], ids=["by the ring", "to its caller"])
def test_a_piece_of_a_running_answer_opens_at_its_place_alone(caller_key: bytes) -> None:
    slot = Slot(DIGEST, "key:1", caller_key)
    piece = slot.seal_piece("call", 3, b"Paris")
    assert slot.unseal_piece("call", 3, piece) == b"Paris"
    for other, call, number in (
        (slot, "call", 4),
        (slot, "another", 3),
        (Slot(DIGEST, "key:2", caller_key), "call", 3),
        (Slot(DIGEST, "key:1", bytes([1] * 32)), "call", 3),
    ):
        with pytest.raises(SealBroken):
            other.unseal_piece(call, number, piece)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [10, 7200])
def test_an_end_that_an_admin_has_set_counts_before_the_one_that_was_sealed(seconds: int) -> None:
    kept = row()
    kept.expires_at = datetime.fromtimestamp(NOW + seconds, UTC)
    kept.save()
    assert find(MINE, NOW + seconds - 2) == replace(PARIS, ttl=seconds)
    assert find(MINE, NOW + seconds + 2) is None
    assert raw().exists(address()) == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_does_not_open_is_a_miss_counted_and_left_to_the_purge() -> None:
    kept = row()
    before = counted().get("completion_value_broken", 0)
    sealed_answer = bytes(kept.answer_sealed)
    for value in (b"", b"\x02" + sealed_answer[1:], sealed_answer[:-1] + b"x", sealed_answer[:20]):
        StoredCompletion.objects.update(answer_sealed=value)
        assert find(MINE, NOW) is None
    assert counted()["completion_value_broken"] == before + 4
    assert (StoredCompletion.objects.count(), raw().exists(address())) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_keeping_and_finding_write_to_no_table(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        store(MINE, PARIS, REQUEST, LABEL)
        assert find(MINE, NOW) == PARIS
        raw().delete(address())
        assert find(MINE, NOW) is None
    assert lookup._ON_POSTGRES.startswith(b"SELECT")
    assert lookup._ON_SQLITE.startswith("SELECT")


@pytest.mark.django_db(transaction=True)
def test_a_row_moved_in_the_table_is_a_miss() -> None:
    kept = row()
    StoredCompletion.objects.create(
        digest="00" * 32,
        scope="key:1",
        answer_sealed=kept.answer_sealed,
        request_sealed=b"",
        created_at=kept.created_at,
        expires_at=kept.expires_at,
    )
    assert find(Slot(bytes(32), "key:1"), NOW) is None
