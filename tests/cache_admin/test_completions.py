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

from cache_admin import completions, sealed
from cache_admin.completions import Completion, find, store
from cache_admin.counters import counted
from cache_admin.models import StoredCompletion
from cache_admin.spool import read_frames

DIGEST = hashlib.sha256(b"a request").digest()
NOW = time.time()
ANSWER = b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "The capital is Paris"}}]}'
REQUEST = b'{"messages": [{"role": "user", "content": "What is the capital of France?"}]}'
PARIS = Completion(ANSWER, "openai", "gpt-4o-mini", "main", NOW, 3600)
LABEL = {"key_id": "k1", "key_name": "mine", "request_id": "r1", "model_asked": "gpt-4o-mini"}


def raw() -> Any:
    return cache.client.get_client()  # type: ignore[attr-defined]


def address(digest: bytes = DIGEST) -> str:
    return f"c:{digest.hex()}"


def row(completion: Completion = PARIS, digest: bytes = DIGEST, scope: str = "key:1") -> StoredCompletion:
    value = completions.VALUE_VERSION + sealed.seal_completion(
        digest.hex(), scope, "answer", completions._written(completion)
    )
    return StoredCompletion.objects.create(
        digest=digest.hex(),
        scope=scope,
        answer_sealed=value,
        request_sealed=b"",
        created_at=datetime.fromtimestamp(completion.stored_at, UTC),
        expires_at=datetime.fromtimestamp(completion.expires_at(), UTC),
    )


def test_a_stored_completion_is_found_whole() -> None:
    assert store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    assert find(DIGEST, "key:1", NOW + 1) == PARIS


def test_another_scope_finds_nothing() -> None:
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    assert find(DIGEST, "key:2", NOW) is None


def test_redis_forgets_it_when_its_time_is_up() -> None:
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    assert 3590 < raw().ttl(address()) <= 3600
    assert find(DIGEST, "key:1", NOW + 3600) is None


def test_no_life_is_longer_than_the_settings_allow(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_TTL = 60
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    assert raw().ttl(address()) <= 60


def test_an_answer_over_the_size_limit_is_not_kept(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_BYTES = len(ANSWER) - 1
    assert not store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    assert raw().dbsize() == 0


def test_neither_redis_nor_the_spool_shows_prompt_or_answer(spool_directory: Path) -> None:
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    kept = b"".join(path.read_bytes() for path in spool_directory.glob("*.spool"))
    kept += b"".join(key + raw().get(key) for key in raw().scan_iter())
    assert len(kept) > 400
    for word in (b"capital", b"Paris", b"France", b"chatcmpl"):
        assert word not in kept


def test_the_spool_gets_what_the_table_needs(spool_directory: Path) -> None:
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
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
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    before = counted().get("completion_value_broken", 0)
    raw().set(address(), damage(raw().get(address())))
    assert find(DIGEST, "key:1", NOW) is None
    assert raw().exists(address()) == 0
    assert counted()["completion_value_broken"] == before + 1


def test_a_value_moved_to_anothers_address_is_a_miss_and_counted() -> None:
    other = hashlib.sha256(b"another request").digest()
    store(DIGEST, "key:1", PARIS, REQUEST, LABEL)
    before = counted().get("completion_value_broken", 0)
    raw().set(address(other), raw().get(address()))
    assert find(other, "key:2", NOW) is None
    assert find(other, "key:1", NOW) is None
    assert counted()["completion_value_broken"] > before


def test_a_key_of_another_type_at_our_address_is_a_miss() -> None:
    raw().rpush(address(), "x")
    assert find(DIGEST, "key:1", NOW) is None
    assert raw().exists(address()) == 0


@pytest.mark.django_db(transaction=True)
def test_the_table_answers_for_redis_and_fills_it_again() -> None:
    row()
    assert find(DIGEST, "key:1", NOW + 600) == PARIS
    assert 2990 < raw().ttl(address()) <= 3000


@pytest.mark.django_db(transaction=True)
def test_the_table_answers_nothing_for_an_expired_row_or_another_scope() -> None:
    row(replace(PARIS, ttl=5))
    assert find(DIGEST, "key:1", NOW + 5) is None
    assert find(DIGEST, "key:2", NOW) is None


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
    assert find(bytes(32), "key:1", NOW) is None
