"""Celery's tasks of the whole site, idempotent as those of cache_admin are, each with a management command."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone


@shared_task(name="proxy_site.tasks.sync_prices", ignore_result=True, soft_time_limit=110, time_limit=120)
def sync_prices() -> dict[str, int]:
    """Bring prices and models to the list. Returns counts."""
    from proxy_api.price_list import sync  # a third of a second that a worker's start does not have

    return dict(sync(timezone.now()))
