"""The Celery application: `celery -A proxy_site.celery worker -B`. Nothing on the web path imports this module."""

from __future__ import annotations

import warnings
from typing import Any

import django
from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_ready
from django.conf import settings

from cache_admin.schedule import BEAT_SCHEDULE

SCHEDULE = {
    **BEAT_SCHEDULE,
    "sync prices": {
        "task": "proxy_site.tasks.sync_prices",
        "schedule": 86400.0,
        "options": {"expires": 80000},
    },
}


def here(entry: dict[str, Any]) -> dict[str, Any]:
    """A scheduled task with the queue that the settings route it to, if they do: shipping is this host's own."""
    options = {**entry["options"], **settings.CELERY["task_routes"].get(entry["task"], {})}
    return {**entry, "options": options}


# Celery warns root because of pickled messages; here JSON alone is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)
django.setup(set_prefix=False)
app = Celery("dragoman", set_as_current=True)
app.conf.update(settings.CELERY, beat_schedule={name: here(entry) for name, entry in SCHEDULE.items()})
app.autodiscover_tasks(["cache_admin", "proxy_site"])


@worker_ready.connect
def sync_at_start(**_: Any) -> None:
    """A new installation has prices within seconds, and a new release its new list, while requests are answered."""
    app.send_task("proxy_site.tasks.sync_prices", countdown=2, expires=600)
