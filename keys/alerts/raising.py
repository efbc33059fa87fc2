"""Which budgets have reached a threshold: each alert is kept once, with its ways to those who asked for it.

What is used is what the limits count, so an alert at 100 % and the first refusal say the same.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db import IntegrityError, transaction

from keys import limits
from keys.alerts import nearing
from keys.alerts.notices import moment, owner, quantity, reached
from keys.entrance import callers
from keys.limits import Use
from keys.limits.accounts import account_of
from keys.limits.subjects import Subject
from keys.models import AlertDelivery, Budget, BudgetAlert, Channel
from keys.reading import DatabaseAway
from keys.signals import budget_threshold_reached

AT_ONCE = 200  # budgets a question to Redis
log = logging.getLogger("dragoman.alerts")
_said: set[str] = set()


def raise_alerts(now: float, counts: Counter[str]) -> None:
    """Look at every budget; count `raised` and `unread`. `now`: Unix s. Raises the database's errors."""
    budgets = [one for one in Budget.objects.select_related("key", "project") if may_be_used(one, now)]
    found: list[tuple[Budget, Use]] = []
    for start in range(0, len(budgets), AT_ONCE):
        found += uses_of(budgets[start : start + AT_ONCE], now)
    counts["unread"] += len(budgets) - len(found)
    counts["raised"] += sum(raised(budget, use, now) for budget, use in found)
    nearing.keep([use for _, use in found])


def may_be_used(budget: Budget, now: float) -> bool:
    """Not of a key that was last used before the budget's period: of many keys most are idle, and for each of those
    the ledger would be asked, again and again."""
    if budget.key is None:
        return True
    last = budget.key.last_used_at
    return last is not None and last.timestamp() >= account_of(subject_of(budget), callers.allowance(budget), now).since


def subject_of(budget: Budget) -> Subject:
    """Whose budget it is, with this one alone."""
    kind, owner_id, _ = owner(budget)
    return callers.subject(kind, owner_id, None, [budget])


def uses_of(budgets: Sequence[Budget], now: float) -> list[tuple[Budget, Use]]:
    """Of all whose use can be told. One whose sum takes too long leaves the others theirs: they are asked by halves."""
    if not budgets:
        return []
    try:
        return [
            (budget, use)
            for budget, (use,) in zip(budgets, limits.states([subject_of(one) for one in budgets], now), strict=True)
        ]
    except DatabaseAway:
        half = len(budgets) // 2
        return uses_of(budgets[:half], now) + uses_of(budgets[half:], now) if half else []


def raised(budget: Budget, use: Use, now: float) -> int:
    """Keep the alerts that are new, and tell this process's listeners. How many there were."""
    thresholds = reached(budget.thresholds, use.used, use.amount)
    if not thresholds:
        return 0
    known = BudgetAlert.objects.filter(budget=budget, period_start=moment(use.since))
    news = sorted(thresholds - set(known.values_list("threshold", flat=True)))
    alerts = [alert for threshold in news if (alert := kept(budget, use, threshold, now))]
    for alert in alerts:
        budget_threshold_reached.send_robust(sender=Budget, alert=alert)
    return len(alerts)


def kept(budget: Budget, use: Use, threshold: int, now: float) -> BudgetAlert | None:
    """None where another process was first."""
    alert = BudgetAlert(budget=budget, period_start=moment(use.since), threshold=threshold, at=moment(now))
    alert.used, alert.amount = quantity(use.used, use.unit), budget.amount
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
            ways = [AlertDelivery(alert=alert, channel=channel, due_at=alert.at) for channel in channels(budget)]
            AlertDelivery.objects.bulk_create(ways)
    except IntegrityError:
        return None
    return alert


def channels(budget: Budget) -> list[Channel]:
    """By which the budget's owner wants to be told, and can be."""
    found = [Channel.WEBHOOK] if budget.alert_webhook else []
    if budget.alert_email and mail_is_set():
        found.append(Channel.EMAIL)
    return found


def mail_is_set() -> bool:
    """Whether there is a mail server to send by; if not, that is said once."""
    if not settings.EMAIL_HOST and "mail" not in _said:
        _said.add("mail")
        log.warning("no alert goes out by e-mail: DRAGOMAN_EMAIL_URL is not set")
    return bool(settings.EMAIL_HOST)
