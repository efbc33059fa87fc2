"""Completions go for a reason, with their words and from both tiers; the reason is counted, and nothing else goes."""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from cache_admin.choosing import Choice
from cache_admin.models import CompletionWord, Removal, StoredCompletion
from cache_admin.purging import purge
from cache_admin.removing import Amount, enough, remove_chosen, remove_least_used
from keys.administration import issuing
from keys.models import AuditEntry, Project, VirtualKey
from tests.cache_admin.entries import completions

pytestmark = pytest.mark.django_db(transaction=True)


def left() -> list[str]:
    return sorted(StoredCompletion.objects.values_list("digest", flat=True))


def used(days_ago: int, count: int = 1, **facts: Any) -> list[str]:
    return completions(count, seconds=600, used_at=timezone.now() - timedelta(days=days_ago), **facts)


def removals() -> dict[str, tuple[int, int]]:
    return {row.reason: (row.completions, row.size) for row in Removal.objects.all()}


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("purge", *arguments)
    return capsys.readouterr().out.strip()


def test_of_too_many_rows_the_least_used_go(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS, settings.DRAGOMAN_CACHE_MAX_TOTAL_BYTES = 3, 0
    kept = used(1) + used(3) + used(2)
    used(9)
    used(8)
    assert purge(time.time()) == {"evicted": 2}
    assert left() == sorted(kept)
    assert purge(time.time()) == {}


def test_of_too_many_bytes_the_least_used_go(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS, settings.DRAGOMAN_CACHE_MAX_TOTAL_BYTES = 0, 1000
    used(9, size=100)
    used(8, size=70)
    kept = used(7, size=500) + used(6, size=450)
    assert purge(time.time()) == {"evicted": 2}
    assert left() == sorted(kept)
    assert removals() == {"evicted": (2, 170)}


def test_what_is_pinned_counts_and_stays(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS = 2
    kept = used(9, 2, kept_until=None, pinned=True) + used(9, kept_until=None, cassette=True)
    used(1)
    assert purge(time.time()) == {"evicted": 1}
    assert left() == sorted(kept)
    assert purge(time.time()) == {}


def test_neither_rows_nor_bytes_have_an_end_where_the_settings_name_none(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS = settings.DRAGOMAN_CACHE_MAX_TOTAL_BYTES = 0
    used(9, 5, size=1 << 50)
    assert purge(time.time()) == {}


def test_too_many_go_in_batches(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS = 1
    used(9, 8)
    step = remove_least_used(time.time())
    assert [step(3), step(3), step(3)] == [{"evicted": 3}, {"evicted": 3}, {"evicted": 1}]
    assert len(left()) == 1


@given(st.lists(st.integers(0, 9)), st.integers(-3, 9), st.integers(-30, 60))
def test_no_more_go_than_are_too_many(sizes: list[int], rows: int, size: int) -> None:
    chosen = enough([(str(n), one) for n, one in enumerate(sizes)], Amount(rows, size))
    gone = Amount(len(chosen), sum(one for _, one in chosen))
    assert [digest for digest, _ in chosen] == [str(n) for n in range(len(chosen))]
    assert gone.rows == len(sizes) or (gone.rows >= rows and gone.size >= size)
    assert not chosen or gone.rows - 1 < rows or gone.size - chosen[-1][1] < size


def test_what_a_purge_removed_is_counted_by_day_and_reason() -> None:
    completions(3, seconds=-10, size=7)
    purge(time.time())
    completions(2, seconds=-10, size=7)
    purge(time.time())
    completions(1, seconds=600, size=5)
    remove_chosen(Choice(), time.time())(10)
    assert removals() == {"expired": (5, 35), "chosen": (1, 5)}
    assert {row.day for row in Removal.objects.all()} == {timezone.now().date()}


def test_words_go_with_their_completion() -> None:
    gone, kept = completions(1, seconds=-10)[0], completions(1, seconds=600)[0]
    for digest in (gone, kept):
        CompletionWord.objects.create(word=7, created_at=timezone.now(), digest=digest)
    purge(time.time())
    assert [row.digest for row in CompletionWord.objects.all()] == [kept]


def test_a_batch_that_is_cut_short_removes_nothing_and_counts_nothing() -> None:
    completions(3, seconds=-10)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cache_admin_removal RENAME TO elsewhere")
    try:
        with pytest.raises(DatabaseError):
            purge(time.time())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO cache_admin_removal")
    assert len(left()) == 3
    assert purge(time.time()) == {"completions": 3}
    assert removals()["expired"] == (3, 0)


@pytest.mark.parametrize(
    ("chosen", "other"),
    [
        ({"model": "gpt"}, {"model": "other"}),
        ({"provider": "openai"}, {"provider": "groq"}),
        ({"endpoint": "embeddings"}, {"endpoint": "chat/completions"}),
        ({"key": "theirs"}, {"key_id": "k8"}),
        ({"key": "k7"}, {"key_id": "k8"}),
        ({"project": "apples"}, {"project_id": "p8"}),
        ({"project": "p7"}, {"project_id": "p8"}),
    ],
)
def test_a_choice_goes_from_both_tiers_and_nothing_else_does(chosen: dict[str, str], other: dict[str, str]) -> None:
    key = VirtualKey(id="k7", name="theirs", project=Project.objects.create(id="p7", name="apples"))
    issuing.put_token(key)
    key.save()
    # A row has the names of its day; who chooses by a name means what is called so now.
    facts = {"key_id": "k7", "key_name": "old", "project_id": "p7", "project_name": "old", "endpoint": "embeddings"}
    gone, kept = completions(2, seconds=600, **facts), completions(1, seconds=600, **(facts | other))
    raw = cache.client.get_client()  # type: ignore[attr-defined]
    for digest in gone + kept:
        raw.set(f"c:{digest}", b"value")
    assert remove_chosen(Choice(**chosen), time.time())(10) == {"completions": 2}  # type: ignore[arg-type]
    assert left() == kept
    assert {key.decode() for key in raw.scan_iter("c:*")} == {f"c:{digest}" for digest in kept}


def test_a_choice_leaves_what_is_pinned_unless_it_says_so() -> None:
    digest = completions(1, seconds=600, pinned=True, kept_until=None)[0]
    assert remove_chosen(Choice(digests=[digest]), time.time())(10) == Counter(completions=0)
    assert remove_chosen(Choice(digests=[digest], pinned_too=True), time.time())(10) == {"completions": 1}


def test_the_command_removes_what_is_stale_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    completions(2, seconds=-10)
    completions(1, seconds=600)
    assert ran(capsys, "--dry-run") == "would remove 2 completions of 0 bytes"
    assert ran(capsys) == "removed 2 completions and 0 usage records"
    assert len(left()) == 1
    assert not AuditEntry.objects.exists()


def test_the_command_says_how_many_were_the_least_used(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_MAX_ROWS = 1
    used(3, 4)
    assert ran(capsys, "--dry-run") == "would remove 3 completions of 0 bytes"
    assert ran(capsys) == "removed 3 completions (3 of them least used) and 0 usage records"


def test_the_command_removes_what_it_is_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    kept = completions(1, seconds=600, created_at=timezone.now() - timedelta(hours=1))
    pinned = completions(1, seconds=600, created_at=timezone.now() - timedelta(hours=3), kept_until=None, pinned=True)
    completions(3, seconds=600, created_at=timezone.now() - timedelta(hours=3), size=4)
    assert ran(capsys, "--older-than", "2h", "--dry-run") == "would remove 3 completions of 12 bytes"
    assert ran(capsys, "--older-than", "2h") == "removed 3 completions and 0 usage records"
    assert left() == sorted(kept + pinned)
    changes = AuditEntry.objects.get(action="completion.purged").changes
    assert (changes["count"], changes["bytes"]) == (3, 12)
    assert ran(capsys, "--everything", "--pinned-too") == "removed 2 completions and 0 usage records"
    assert left() == []


@pytest.mark.parametrize("arguments", [["--pinned-too"], ["--older-than", "soon"]])
def test_the_command_refuses_what_it_does_not_understand(arguments: list[str]) -> None:
    completions(1, seconds=600)
    with pytest.raises(CommandError):
        call_command("purge", *arguments)
    assert len(left()) == 1


def test_the_command_shows_its_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    completions(1200, seconds=600)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    call_command("purge", "--everything", stdout=io.StringIO(), stderr=shown)
    assert "\rremoved 1,000 of 1,200\rremoved 1,200 of 1,200\n" in shown.getvalue()
