"""What the pages, searches and purges ask of a big table is answered from indexes: in the planner's own words.

The same questions over a million entries are timed by tests/bench/million.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from cache_admin import words
from cache_admin.choosing import Choice, removable
from cache_admin.models import StoredCompletion
from cache_admin.removing import stale
from keys.admin.keyset import below
from tests.bench.million import fill

Rows = QuerySet[StoredCompletion]
ENTRIES = 20_000


@pytest.fixture(scope="module")
def entries(django_db_setup: None, django_db_blocker: Any) -> Any:
    """A table that is big enough for the planner to care, for all tests of this module."""
    with django_db_blocker.unblock():
        fill(ENTRIES, words=5)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE cache_admin_storedcompletion")
            cursor.execute("VACUUM ANALYZE cache_admin_completionword")
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE cache_admin_storedcompletion, cache_admin_completionword")


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("entries")]


def page(rows: Rows) -> Rows:
    return rows.defer("answer_sealed", "request_sealed").order_by("-created_at", "-digest")[:51]


def middle() -> dict[str, Any]:
    return {"created_at": timezone.now() - timedelta(days=4), "digest": "8" * 64}


PAGES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "newest": (lambda rows: rows, "completion_created"),
    "later": (lambda rows: rows.filter(below(middle())), "completion_created"),
    "model": (lambda rows: rows.filter(model="model-7"), "completion_model"),
    "provider": (lambda rows: rows.filter(provider="nobody"), "completion_provider"),
    "key": (lambda rows: rows.filter(key_id="k7"), "completion_key"),
    "project": (lambda rows: rows.filter(project_id="p9"), "completion_project"),
    "key, chosen": (lambda rows: Choice(key="k7", pinned_too=True).rows(), "completion_key"),
    "project, chosen": (lambda rows: Choice(project="p9", pinned_too=True).rows(), "completion_project"),
    "pinned": (lambda rows: rows.filter(pinned=True), "completion_pinned"),
    "rare word": (lambda rows: words.containing(rows, "word9000"), "cache_admin_completionword_pkey"),
    "frequent word": (lambda rows: words.containing(rows, "word1"), "completion_created"),
    "words": (lambda rows: words.containing(rows, "word1 word9000"), "cache_admin_completionword_pkey"),
    "frequent words": (lambda rows: words.containing(rows, "word1 word2"), "completion_created"),
}


def read(plan: str) -> int:
    """How many rows the plan's scans took up, those that they threw away among them."""
    scans = [line for line in plan.splitlines() if "Scan" in line or "Removed" in line]
    return sum(int(float(number)) for line in scans for number in re.findall(r"(?:actual rows=|Filter: )(\d+)", line))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_from_an_index_and_takes_up_few_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FEW", 200)  # of a million it is 3000
    narrowed, index = PAGES[name]
    plan = page(narrowed(StoredCompletion.objects.all())).explain(analyze=True, timing=False)
    assert index in plan
    assert "Seq Scan" not in plan
    assert read(plan) < ENTRIES / 10, plan


def test_what_is_stale_is_found_by_index() -> None:
    plan = stale(time.time()).order_by("kept_until").values_list("digest", "size")[:1000].explain()
    assert "completion_kept" in plan


def test_what_was_used_least_is_found_by_index() -> None:
    plan = removable(StoredCompletion.objects.all()).order_by("used_at").values_list("digest", "size")[:1000].explain()
    assert "completion_used" in plan
    assert "Sort" not in plan


def test_the_words_of_an_entry_are_found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN DELETE FROM cache_admin_completionword WHERE digest IN ('a', 'b')")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan
