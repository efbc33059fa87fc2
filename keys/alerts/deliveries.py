"""What is due is tried, and what failed is tried again: after 2, 4, 8, ... minutes, 8 times in 4 hours.

A try is kept before it is made, and with it when the next one is due: of two rounds that find the same delivery one
makes the try, and a process that dies in it leaves it to be made again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import assert_never

from django.db.models import QuerySet
from django.utils import timezone

from keys.alerts import mailing, webhooks
from keys.alerts.channels import NotDelivered
from keys.alerts.notices import notice_of
from keys.models import AlertDelivery, Channel

TRIES = 8
FIRST_WAIT = timedelta(minutes=2)  # longer than a round and its last try take together
MOST = 500  # a round
log = logging.getLogger("dragoman.alerts")


def deliver(deadline: float, counts: Counter[str]) -> None:
    """Try what is due until `deadline` (monotonic s); count `sent`, `failed` and `given_up`. Raises the database's
    errors."""
    for delivery in due(timezone.now())[:MOST]:
        if time.monotonic() >= deadline:
            counts["unfinished"] = 1
            return
        if claimed(delivery, timezone.now()):
            counts[tried(delivery)] += 1


def due(now: datetime) -> QuerySet[AlertDelivery]:
    rows = AlertDelivery.objects.select_related("alert__budget__key", "alert__budget__project")
    return rows.filter(due_at__lte=now).order_by("due_at", "pk")


def claimed(delivery: AlertDelivery, now: datetime) -> bool:
    """Keep that a try is made, unless another round was first."""
    wait = FIRST_WAIT * 2**delivery.attempts
    mine = AlertDelivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at)
    delivery.attempts, delivery.due_at = delivery.attempts + 1, now + wait
    return bool(mine.update(attempts=delivery.attempts, due_at=delivery.due_at))


def tried(delivery: AlertDelivery) -> str:
    """`sent`, `failed` or `given_up`."""
    try:
        if delivery.attempts > TRIES:
            raise NotDelivered(delivery.fault or "the process ended in the last try")
        send(delivery)
    except NotDelivered as failure:
        return failed(delivery, str(failure))
    delivery.sent_at, delivery.due_at, delivery.fault = timezone.now(), None, ""
    delivery.save(update_fields=["sent_at", "due_at", "fault"])
    return "sent"


def send(delivery: AlertDelivery) -> None:
    """Raises NotDelivered."""
    budget, notice = delivery.alert.budget, notice_of(delivery.alert)
    channel = Channel(delivery.channel)
    match channel:
        case Channel.EMAIL:
            mailing.send(budget.alert_email, notice)
        case Channel.WEBHOOK:
            webhooks.send(budget.alert_webhook, notice, time.time())
        case _:
            assert_never(channel)


def failed(delivery: AlertDelivery, fault: str) -> str:
    """Keep why; after the last try nothing is due any more, and the log says so."""
    delivery.fault = fault[:300]
    if delivery.attempts < TRIES:
        delivery.save(update_fields=["fault"])
        return "failed"
    delivery.due_at = None
    delivery.save(update_fields=["fault", "due_at"])
    which = f"{delivery.alert.threshold} % of budget {delivery.alert.budget_id}"
    log.error("an alert did not get through by %s: %s (%s)", delivery.channel, which, delivery.fault)
    return "given_up"
