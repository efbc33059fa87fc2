"""One round: new alerts are kept, and what is due is told. The Celery task and the command do the same."""

from __future__ import annotations

import logging
import time
from collections import Counter

from django.db import Error, connection

from keys.alerts.deliveries import deliver
from keys.alerts.raising import raise_alerts
from keys.reading import DatabaseAway

BUDGET_SECONDS = 30.0
log = logging.getLogger("dragoman.alerts")


def send_alerts(now: float, budget_seconds: float = BUDGET_SECONDS) -> Counter[str]:
    """Counts. raised: new alerts; unread: budgets whose use nobody could say; sent, failed, given_up: tries;
    unfinished: the time was up; away: the database is. `now`: Unix seconds."""
    deadline = time.monotonic() + budget_seconds
    counts: Counter[str] = Counter()
    try:
        raise_alerts(now, counts)
        deliver(deadline, counts)
    except (Error, DatabaseAway) as error:
        counts["away"] = 1
        log.warning("alerts wait: the database is away (%s)", type(error).__name__)
        connection.close()
    return counts
