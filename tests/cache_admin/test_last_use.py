"""When a key was last used: told by its calls as they land, and by nothing on the request path."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cache_admin.ledger import closed, opened
from cache_admin.shipping import ship
from keys.administration import issuing
from keys.freshness import database_revision
from keys.models import VirtualKey
from tests.cache_admin.entries import entry

pytestmark = pytest.mark.django_db(transaction=True)
NOW = time.time()


def key(name: str = "mine") -> str:
    return issuing.issue(name)[0].id


def call(owner: str, at: float, **facts: object) -> None:
    closed(entry(key_id=owner, at=at, **facts))


def last_use(owner: str) -> float | None:
    moment = VirtualKey.objects.get(id=owner).last_used_at
    return None if moment is None else round(moment.timestamp(), 3)


def at(seconds: float) -> float:
    return round(datetime.fromtimestamp(seconds, UTC).timestamp(), 3)


def test_a_key_that_was_never_used_says_so() -> None:
    owner = key()
    call(key("other"), NOW)
    ship(NOW)
    assert last_use(owner) is None


def test_the_latest_of_a_batch_counts_whatever_came_of_it() -> None:
    owner = key()
    for back, status in ((30, "ok"), (10, "rate_limited"), (20, "error")):
        call(owner, NOW - back, status=status)
    ship(NOW)
    assert last_use(owner) == at(NOW - 10)


def test_a_call_under_way_and_a_hit_are_uses() -> None:
    owner, other = key(), key("other")
    opened(entry(key_id=owner, at=NOW))
    call(other, NOW, cache="hit")
    ship(NOW)
    assert last_use(owner) == last_use(other) == at(NOW)


def test_calls_that_land_late_do_not_turn_it_back() -> None:
    owner = key()
    for moment in (NOW, NOW - 50):
        call(owner, moment)
        ship(NOW)
    assert last_use(owner) == at(NOW)


def test_a_page_that_read_the_key_before_its_use_does_not_turn_it_back() -> None:
    owner = key()
    read = VirtualKey.objects.get(id=owner)
    call(owner, NOW)
    ship(NOW)
    read.name = "yours"
    read.save()
    assert (last_use(owner), VirtualKey.objects.get(id=owner).name) == (at(NOW), "yours")


def test_it_tells_no_process_to_drop_what_it_keeps() -> None:
    owner = key()
    before = database_revision()
    call(owner, NOW)
    ship(NOW)
    assert last_use(owner) == at(NOW)
    assert database_revision() == before


def test_a_batch_costs_one_statement_a_key() -> None:
    owners = [key("one"), key("two")]
    for number in range(20):
        call(owners[number % 2], NOW - number)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ship(NOW)
    assert sum("UPDATE" in query["sql"] and "virtualkey" in query["sql"] for query in queries) == 2
