"""The Celery application: `celery -A proxy_site.celery worker -B`. Nothing on the web path imports this module."""

from __future__ import annotations

import django
from celery import Celery
from django.conf import settings

from cache_admin.schedule import BEAT_SCHEDULE

django.setup(set_prefix=False)
app = Celery("dragoman", set_as_current=True)
app.conf.update(settings.CELERY, beat_schedule=BEAT_SCHEDULE)
app.autodiscover_tasks(["cache_admin"])
