"""When Celery beat sends which task: a static schedule, read by the site's Celery app, whose settings name the queues.

`expires` keeps a stopped worker's queue short: of a task that comes every second only the latest few are worth running.
https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html
"""

from __future__ import annotations

from typing import Any

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "ship usage": {
        "task": "cache_admin.tasks.ship_usage",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "send alerts": {
        "task": "cache_admin.tasks.send_alerts",
        "schedule": 30.0,
        "options": {"expires": 45},
    },
    "purge completions": {
        "task": "cache_admin.tasks.purge_completions",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
}
