"""Purging: what is stale goes, in bounded batches, and nothing else does, however often it is run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from cache_admin.locks import file_lock
from cache_admin.models import StoredCompletion, UsageBody, UsageRecord
from cache_admin.purging import purge, purging
from keys.administration import issuing
from keys.ids import first_id, uuid7
from keys.models import AlertDelivery, AuditEntry, Budget, BudgetAlert
from tests.cache_admin.entries import completions

pytestmark = pytest.mark.django_db(transaction=True)
NOW = time.time()
DAY = 86400


def usage(age_seconds: float, **facts: Any) -> UsageRecord:
    at = NOW - age_seconds
    name = UUID(uuid7(int(at * 1000), bytes(9) + bytes([UsageRecord.objects.count() % 256])))
    when = timezone.now() - timedelta(seconds=age_seconds)
    return UsageRecord.objects.create(**({"id": name, "at": when, "status": "ok"} | facts))


def test_expired_completions_go_in_batches_and_the_others_stay() -> None:
    completions(25, seconds=-10)
    alive = completions(3, seconds=600)
    steps = [step["completions"] for step in purging(time.time(), batch=10) if "completions" in step]
    assert steps == [10, 10, 5]
    assert sorted(StoredCompletion.objects.values_list("digest", flat=True)) == sorted(alive)


def test_purging_again_finds_nothing() -> None:
    completions(3, seconds=-10)
    assert purge(time.time())["completions"] == 3
    assert purge(time.time()).total() == 0


def test_a_purge_ends_when_its_time_is_up() -> None:
    completions(3, seconds=-10)
    assert purge(time.time(), budget_seconds=0)["unfinished"] > 0
    assert StoredCompletion.objects.count() == 3


def test_three_purges_at_once_do_the_work_of_one() -> None:
    completions(500, seconds=-10)
    found: list[Counter[str]] = []

    def run() -> None:
        found.append(purge(time.time(), batch=20))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(counts["completions"] for counts in found) == 500
    assert StoredCompletion.objects.count() == 0


def test_a_second_purge_is_kept_out(spool_directory: Path) -> None:
    completions(1, seconds=-10)
    with file_lock(spool_directory / "purge.lock"):
        assert purge(time.time()) == {"busy": 1}


def test_usage_records_go_after_their_days_with_their_bodies(settings: Settings) -> None:
    settings.DRAGOMAN_USAGE_DAYS = 30
    old, fresh = usage(31 * DAY), usage(29 * DAY)
    for row in (old, fresh):
        UsageBody.objects.create(id=row.id, request_sealed=b"r", answer_sealed=b"a")
    assert purge(time.time())["usage"] == 1
    assert UsageRecord.objects.get() == fresh
    assert UsageBody.objects.get().id == UsageRecord.objects.get().id


def test_no_days_keep_the_records_for_ever(settings: Settings) -> None:
    settings.DRAGOMAN_USAGE_DAYS = 0
    usage(5000 * DAY)
    purge(time.time())
    assert UsageRecord.objects.count() == 1


def test_calls_whose_spool_was_lost_are_not_open_for_ever() -> None:
    lost, running = usage(2 * DAY, status="open"), usage(60, status="open")
    assert purge(time.time())["aborted"] == 1
    lost.refresh_from_db()
    running.refresh_from_db()
    assert (lost.status, running.status) == ("aborted", "open")


def test_the_first_id_of_a_moment_lies_between_those_before_and_after() -> None:
    before, after = uuid7(999_999, b"\xff" * 10), uuid7(1_000_000, bytes(10))
    assert before < str(first_id(1000.0)) <= after


def test_alerts_of_more_than_a_year_ago_go_with_their_deliveries() -> None:
    row = Budget.objects.create(key=issuing.issue("mine")[0], amount=1)
    for days, threshold in ((401, 80), (399, 100)):
        at = timezone.now() - timedelta(days=days)
        alert = BudgetAlert.objects.create(budget=row, period_start=at, threshold=threshold, at=at)
        AlertDelivery.objects.create(alert=alert, channel="email")
    assert purge(NOW) == {"alerts": 1}
    assert AlertDelivery.objects.get().alert.threshold == 100


def audited(days: float) -> AuditEntry:
    at = NOW - days * DAY
    name = uuid7(int(at * 1000), bytes(10))
    return AuditEntry.objects.create(
        id=name, at=datetime.fromtimestamp(at, UTC), actor_kind="user", action="key.issued"
    )


@pytest.mark.parametrize(("days", "kept"), [(30, [29]), (0, [29, 31, 5000])])
def test_the_audit_log_is_kept_for_its_days(days: int, kept: list[int], settings: Settings) -> None:
    settings.DRAGOMAN_AUDIT_DAYS = days
    entries = {age: audited(age).id for age in (29, 31, 5000)}
    assert purge(NOW)["audit"] == len(entries) - len(kept)
    assert set(AuditEntry.objects.values_list("id", flat=True)) == {entries[age] for age in kept}


def test_the_history_of_pages_goes_with_the_audit_log_and_sessions_when_they_are_over(settings: Settings) -> None:
    settings.DRAGOMAN_AUDIT_DAYS = 30
    user = User.objects.create_user("operator")
    for days in (29, 31):
        at = timezone.now() - timedelta(days=days)
        LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr=str(days), action_time=at)
    for name, hours in (("over", -1), ("under way", 1)):
        until = timezone.now() + timedelta(hours=hours)
        Session.objects.create(session_key=name, session_data="", expire_date=until)
    assert purge(NOW) == {"history": 1, "sessions": 1}
    assert (LogEntry.objects.get().object_repr, Session.objects.get().session_key) == ("29", "under way")


def test_the_command_says_what_it_took_from_the_audit_log(capsys: pytest.CaptureFixture[str]) -> None:
    audited(731)
    audited(729)
    call_command("purge")
    assert capsys.readouterr().out.strip() == ("removed 0 completions and 0 usage records, and of the audit log 1")
