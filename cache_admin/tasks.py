"""Celery's tasks, each idempotent, with a time limit, and with a management command that does the same."""

from __future__ import annotations

import time

from celery import shared_task

from cache_admin.purging import purge
from cache_admin.shipping import ship
from keys import alerts


@shared_task(name="cache_admin.tasks.ship_usage", ignore_result=True, soft_time_limit=50, time_limit=60)
def ship_usage() -> dict[str, int]:
    """Carry spooled records to the tables. Returns counts."""
    return dict(ship(time.time()))


@shared_task(name="cache_admin.tasks.purge_completions", ignore_result=True, soft_time_limit=110, time_limit=120)
def purge_completions() -> dict[str, int]:
    """Remove expired completions, and old records of the logs. Returns counts."""
    return dict(purge(time.time()))


@shared_task(name="cache_admin.tasks.send_alerts", ignore_result=True, soft_time_limit=110, time_limit=120)
def send_alerts() -> dict[str, int]:
    """Tell which budgets have reached a threshold. Returns counts."""
    return dict(+alerts.send_alerts(time.time()))
