"""Which budgets have reached a threshold: each alert once, whoever finds it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from keys import redis
from keys.administration import budgets
from keys.alerts import nearing, raising, send_alerts
from keys.alerts.notices import reached
from keys.limits.subjects import NANO
from keys.models import BudgetAlert, Project, VirtualKey
from keys.signals import budget_threshold_reached
from tests.keys.alerts.conftest import budget, round_of, used
from tests.loopback import Upstream

MIDDLE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("used_up", "amount", "found"),
    [
        (79, 100, set()),
        (80, 100, {80}),
        (99, 100, {80}),
        (250, 100, {80, 100}),
        (0, 0, set()),
        (1, 0, {80, 100}),
        (80 * NANO - 1, 100 * NANO, set()),
    ],
)
def test_a_threshold_is_reached_at_its_share_and_not_before(used_up: int, amount: int, found: set[int]) -> None:
    assert reached([80, 100], used_up, amount) == found


def test_what_is_no_percentage_is_never_reached() -> None:
    assert reached(["80", None, 0, -5, 50.5], 100, 100) == set()


def alerts() -> list[tuple[int, float]]:
    return [(alert.threshold, float(alert.used)) for alert in BudgetAlert.objects.order_by("pk")]


def test_each_threshold_is_an_alert_once_a_period(key: VirtualKey) -> None:
    budget(key)
    used(key, 85)
    assert round_of() == {"raised": 1}
    assert round_of() == {}
    used(key, 20)
    assert round_of() == {"raised": 1}
    assert alerts() == [(80, 85.0), (100, 105.0)]


def test_money_is_kept_to_the_billionth(key: VirtualKey) -> None:
    budget(key, 1, unit="usd")
    used(key, 1, usd="0.9999999991")
    assert round_of() == {"raised": 1}
    assert str(BudgetAlert.objects.get().used) == "0.999999999"


def test_the_next_period_has_alerts_of_its_own(key: VirtualKey) -> None:
    budget(key, period="hour")
    for moment in (MIDDLE, MIDDLE + 3600):
        used(key, 90, at=moment)
        assert send_alerts(moment)["raised"] == 1
    starts = BudgetAlert.objects.order_by("pk").values_list("period_start", flat=True)
    assert [start.hour for start in starts] == [9, 10]


def test_a_budget_that_was_reset_by_hand_begins_anew(key: VirtualKey) -> None:
    row = budget(key)
    used(key, 90, at=time.time() - 2)
    assert round_of() == {"raised": 1}
    budgets.reset(row, timezone.now() - timedelta(seconds=1))
    assert round_of() == {}
    used(key, 90)
    assert round_of() == {"raised": 1}


def test_budgets_of_projects_and_of_the_installation_have_alerts_too(key: VirtualKey) -> None:
    key.project = Project.objects.create(name="apollo")
    key.save()
    budget(key, key=None, project=key.project)
    budget(key, 110, key=None)
    used(key, 90)
    assert round_of() == {"raised": 2}


def test_for_a_key_that_was_not_used_in_the_period_nobody_asks_the_ledger(
    key: VirtualKey, django_assert_num_queries: object
) -> None:
    row = budget(key, period="hour")
    assert not raising.may_be_used(row, MIDDLE)
    for last, asked in ((MIDDLE - 1801, False), (MIDDLE - 1800, True)):
        key.last_used_at = datetime.fromtimestamp(last, UTC)
        row.key = key
        assert raising.may_be_used(row, MIDDLE) is asked
    with django_assert_num_queries(1):  # type: ignore[operator]  # the budgets themselves
        raising.raise_alerts(time.time(), Counter())


def test_listeners_are_told_and_one_that_fails_stops_nobody(key: VirtualKey) -> None:
    heard: list[tuple[object, str, int]] = []

    def fail(**_: object) -> None:
        raise ValueError("a listener's own fault")

    def listen(sender: object, alert: BudgetAlert, **_: object) -> None:
        heard.append((sender, alert.budget.key.name if alert.budget.key else "", alert.threshold))

    row = budget(key)
    used(key, 100)
    budget_threshold_reached.connect(fail)
    budget_threshold_reached.connect(listen)
    try:
        assert round_of() == {"raised": 2}
    finally:
        budget_threshold_reached.disconnect(fail)
        budget_threshold_reached.disconnect(listen)
    assert heard == [(type(row), "mine", 80), (type(row), "mine", 100)]


@pytest.mark.django_db(transaction=True)
def test_rounds_at_the_same_time_tell_nobody_twice(receiver: Upstream, key: VirtualKey) -> None:
    budget(key, alert_webhook=f"{receiver.url}/hook")
    used(key, 100)
    counts: list[dict[str, int]] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        counts.append(round_of())
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.get("raised", 0) for one in counts) == 2
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == receiver.count == 2


def test_while_the_first_page_may_be_asked_the_fullest_budgets_are_known(key: VirtualKey) -> None:
    budget(key, period="day")
    full = budget(key)
    budget(key, 200, period="week")
    used(key, 85)
    round_of()
    assert {use.used for use in nearing.near()} == {85}
    assert full.id in [use.budget_id for use in nearing.near()]
    assert len(nearing.near()) == 2
    redis.command("SET", nearing.NAME, b'[{"another": "version"}]')
    assert nearing.near() == []


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_alerts_wait_and_the_log_says_so(
    key: VirtualKey, caplog: pytest.LogCaptureFixture
) -> None:
    budget(key)
    used(key, 90)

    def away(*_: object) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(away):
        assert round_of() == {"away": 1}
    assert caplog.messages == ["alerts wait: the database is away (OperationalError)"]
    assert round_of() == {"raised": 1}
