"""What is done to completions by hand is done to both tiers, told to the audit log, and done once."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import DataError
from django.utils import timezone
from pytest_django.fixtures import Settings

from cache_admin import acts
from cache_admin.choosing import Choice
from cache_admin.completions import find
from cache_admin.models import Removal, StoredCompletion
from cache_admin.purging import purge
from cache_admin.sealed import Slot
from cache_admin.shipping import ship
from keys.administration.audit import Actor
from keys.models import AuditEntry
from tests.cache_admin.entries import completions, keep

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor("user", "ada")
NOW = timezone.now()
SLOT = Slot((1).to_bytes(32, "big"), "key:1")


def told() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_what_is_pinned_outlives_every_purge_until_its_pin_is_taken_out() -> None:
    digests = completions(2, seconds=-10)
    assert acts.pin(digests[:1], ADA, NOW) == 1
    purge(time.time())
    assert StoredCompletion.objects.get().pinned
    assert acts.unpin(digests[:1], ADA, NOW) == 1
    StoredCompletion.objects.update(expires_at=timezone.now() - timedelta(days=30))
    acts.pin(digests[:1], ADA, NOW)
    acts.unpin(digests[:1], ADA, NOW)
    purge(time.time())
    assert not StoredCompletion.objects.exists()


def test_a_pin_taken_out_gives_the_row_its_life_and_its_grace_again(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 77
    (digest,) = completions(1, seconds=600)
    acts.pin([digest], ADA, NOW)
    acts.unpin([digest], ADA, NOW)
    row = StoredCompletion.objects.get()
    assert row.kept_until is not None
    assert row.kept_until - row.expires_at == timedelta(seconds=77)


def test_a_recording_stays_for_good_without_its_pin() -> None:
    (digest,) = completions(1, seconds=600, cassette=True, kept_until=None)
    acts.pin([digest], ADA, NOW)
    acts.unpin([digest], ADA, NOW)
    assert StoredCompletion.objects.get().kept_until is None


def test_what_is_done_twice_is_told_once() -> None:
    (digest,) = completions(1, seconds=600)
    for _ in range(2):
        acts.pin([digest], ADA, NOW)
        acts.note([digest], "a good one", ADA)
        acts.expire([digest], ADA, NOW)
    for _ in range(2):
        acts.unpin([digest], ADA, NOW)
    assert told() == ["completion.pinned", "completion.noted", "completion.expired", "completion.unpinned"]
    entry = AuditEntry.objects.get(action="completion.noted")
    assert (entry.actor, entry.changes) == ("ada", {"count": 1, "digests": [digest], "note": "a good one"})


def test_a_note_is_cut_and_can_be_taken_back() -> None:
    digests = completions(2, seconds=600)
    assert acts.note(digests[:1], " \x00" + "n" * 2000, ADA) == 1
    row = StoredCompletion.objects.get(pk=digests[0])
    assert (len(row.note), row.note[:2]) == (1000, "\ufffdn")
    assert acts.note(digests, "", ADA) == 1
    assert set(StoredCompletion.objects.values_list("note", flat=True)) == {""}


def test_what_is_expired_by_hand_is_a_miss_but_for_who_takes_a_stale_answer(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 500
    now = time.time()
    digest = keep(1, at=now)
    ship(now)
    assert find(SLOT, now) is not None
    assert acts.expire([digest], ADA, timezone.now()) == 1
    assert find(SLOT, time.time()) is None
    assert find(SLOT, time.time(), stale=400) is not None
    row = StoredCompletion.objects.get()
    assert row.kept_until == row.expires_at + timedelta(seconds=500)


def test_what_is_pinned_stays_when_it_is_expired_by_hand() -> None:
    (digest,) = completions(1, seconds=600, pinned=True, kept_until=None)
    acts.expire([digest], ADA, timezone.now())
    assert StoredCompletion.objects.get().kept_until is None


def purged(choice: Choice) -> list[Counter[str]]:
    return list(acts.purging(choice, time.time(), ADA, 10))


def test_a_purge_by_filter_is_told_with_its_filter_and_its_size() -> None:
    keep(1, at=time.time())
    keep(2, at=time.time(), project_id="p1")
    ship(time.time())
    assert purged(Choice(project="p1")) == [{"completions": 1}]
    assert find(SLOT, time.time()) is not None
    size = AuditEntry.objects.get().changes.pop("bytes")
    assert size > 0
    assert AuditEntry.objects.get().changes == {"project": "p1", "count": 1, "bytes": size}
    assert purged(Choice(project="p1")) == []
    assert told() == ["completion.purged"]


def test_what_is_named_goes_with_its_pin_and_nothing_else_does() -> None:
    pinned, plain, other = completions(3, seconds=600)
    acts.pin([pinned], ADA, NOW)
    assert acts.purge([], ADA, NOW) == 0
    assert acts.purge([pinned, plain], ADA, NOW) == 2
    assert acts.purge([pinned, plain], ADA, NOW) == 0
    assert StoredCompletion.objects.get().digest == other
    assert Removal.objects.get().completions == 2
    assert told() == ["completion.pinned", "completion.purged"]


def test_nothing_is_done_where_it_cannot_be_told() -> None:
    (digest,) = completions(1, seconds=600)
    nobody = Actor("a kind that is longer than its column takes, which the database refuses", "x")
    acts_of_nobody = [
        partial(acts.pin, [digest], nobody, NOW),
        partial(acts.note, [digest], "n", nobody),
        partial(acts.purge, [digest], nobody, NOW),
    ]
    for act in acts_of_nobody:
        with pytest.raises(DataError):
            act()
    row = StoredCompletion.objects.get()
    assert (row.pinned, row.note) == (False, "")
