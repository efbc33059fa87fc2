"""What the table says of a completion once it has landed, and what becomes of that when a newer one or a hit lands."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cache_admin.completions import ENDLESS
from cache_admin.ledger import closed
from cache_admin.models import StoredCompletion
from cache_admin.rows import moment
from cache_admin.shipping import ship
from tests.cache_admin.entries import entry, keep

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_row_says_whose_call_stored_it_and_what_that_took() -> None:
    label: dict[str, Any] = {
        "project_id": "p1",
        "project_name": "Apples",
        "endpoint": "chat/completions",
        "input_tokens": 12,
        "output_tokens": 34,
        "cost_usd": Decimal("0.00123"),
    }
    keep(1, at=time.time(), **label)
    ship(time.time())
    row = StoredCompletion.objects.get()
    assert {name: getattr(row, name) for name in label} == label
    assert (row.pinned, row.cassette, row.sealed_to_caller, row.note) == (False, False, False, "")


def test_a_header_that_says_less_makes_a_row_too() -> None:
    keep(1, at=time.time())
    ship(time.time())
    row = StoredCompletion.objects.get()
    assert (row.project_id, row.endpoint, row.input_tokens, row.cost_usd, row.cassette) == ("", "", None, None, False)


def test_a_row_is_kept_for_its_life_and_its_grace(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 500
    now = time.time()
    keep(1, at=now, ttl=1000)
    keep(2, at=now - 1200, ttl=1000)
    keep(3, at=now - 1600, ttl=1000)
    ship(now)
    kept = list(StoredCompletion.objects.order_by("digest").values_list("kept_until", flat=True))
    assert kept == [moment(now + 1500), moment(now + 300)]


def test_a_recording_is_kept_for_good() -> None:
    keep(1, at=time.time(), ttl=ENDLESS, cassette=True)
    ship(time.time())
    row = StoredCompletion.objects.get()
    assert row.cassette
    assert row.kept_until is None


def test_what_is_sealed_to_its_caller_says_so() -> None:
    keep(1, at=time.time(), caller_key=bytes(32))
    ship(time.time())
    assert StoredCompletion.objects.get().sealed_to_caller


def test_a_newer_answer_leaves_pin_and_note_as_they_are() -> None:
    now = time.time()
    for name in (1, 2):
        keep(name, at=now)
    ship(now)
    StoredCompletion.objects.filter(digest__endswith="1").update(pinned=True, kept_until=None, note="our best")
    for name in (1, 2):
        keep(name, at=now + 10)
    assert ship(now)["completions"] == 2
    pinned, other = StoredCompletion.objects.order_by("digest")
    assert (pinned.created_at, pinned.pinned, pinned.kept_until, pinned.note) == (
        moment(now + 10),
        True,
        None,
        "our best",
    )
    assert other.kept_until is not None


def test_use_is_the_latest_of_storing_and_hits() -> None:
    now = time.time()
    digest = keep(1, at=now)
    closed(entry(cache="hit", cache_digest=digest, at=now + 5))
    closed(entry(cache="hit", cache_digest=digest, at=now + 3))
    ship(now)
    assert StoredCompletion.objects.get().used_at == moment(now + 5)
    closed(entry(cache="hit", cache_digest=digest, at=now + 4))
    ship(now)
    assert StoredCompletion.objects.get().used_at == moment(now + 5)
    keep(1, at=now + 9)
    ship(now)
    assert StoredCompletion.objects.get().used_at == moment(now + 9)


def test_a_hit_that_landed_first_counts_as_use() -> None:
    now = time.time()
    closed(entry(cache="hit", cache_digest=(1).to_bytes(32, "big").hex(), at=now + 7))
    ship(now)
    keep(1, at=now)
    ship(now)
    assert StoredCompletion.objects.get().used_at == moment(now + 7)
