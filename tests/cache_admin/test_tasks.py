"""Celery's tasks: scheduled under their names, bounded in time, idempotent, and JSON alone goes in and out."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.conf import settings

from cache_admin import tasks
from cache_admin.ledger import closed
from cache_admin.models import UsageRecord
from cache_admin.schedule import BEAT_SCHEDULE
from keys.administration import issuing
from keys.models import Budget
from tests.cache_admin.entries import entry

TASKS = {task.name: task for task in (tasks.ship_usage, tasks.purge_completions, tasks.send_alerts)}


def test_the_schedule_names_the_tasks_and_lets_late_messages_expire() -> None:
    assert {item["task"] for item in BEAT_SCHEDULE.values()} == set(TASKS)
    for item in BEAT_SCHEDULE.values():
        assert item["options"]["expires"] > item["schedule"] or item["schedule"] == 3600.0


def test_shipping_has_a_queue_of_its_own_so_that_a_purge_never_holds_it_up() -> None:
    routes, usual = settings.CELERY["task_routes"], settings.CELERY["task_default_queue"]
    assert routes["cache_admin.tasks.ship_usage"]["queue"] != usual
    assert "cache_admin.tasks.purge_completions" not in routes


def test_every_task_is_bounded_in_time_and_a_pickled_message_is_refused() -> None:
    for task in TASKS.values():
        assert 0 < task.soft_time_limit < task.time_limit <= 120
    assert settings.CELERY["accept_content"] == ["json"]


@pytest.mark.django_db(transaction=True)
def test_a_task_sent_twice_does_its_work_once() -> None:
    closed(entry())
    assert json.loads(json.dumps(tasks.ship_usage()))["usage"] == 1
    assert "usage" not in tasks.ship_usage()
    assert tasks.purge_completions() == tasks.purge_completions()
    assert UsageRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_alert_goes_out_as_soon_as_the_calls_have_landed() -> None:
    key, _ = issuing.issue("mine")
    Budget.objects.create(key=key, amount=Decimal(20), unit="tokens")
    closed(entry(key_id=key.id, attempts=1, input_tokens=10, output_tokens=6))
    assert tasks.send_alerts() == {}
    tasks.ship_usage()
    assert json.loads(json.dumps(tasks.send_alerts())) == {"raised": 1}
    assert tasks.send_alerts() == {}
