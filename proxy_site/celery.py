"""The Celery application: `celery -A proxy_site.celery worker -B`. Nothing on the web path imports this module."""

from __future__ import annotations

import warnings

import django
from celery import Celery
from celery.exceptions import SecurityWarning
from django.conf import settings

from cache_admin.schedule import BEAT_SCHEDULE

# Celery warns root because of pickled messages; here JSON alone is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)
django.setup(set_prefix=False)
app = Celery("dragoman", set_as_current=True)
app.conf.update(settings.CELERY, beat_schedule=BEAT_SCHEDULE)
app.autodiscover_tasks(["cache_admin"])
