"""What the ledger says was used of a budget's account, by the process that recorded it. See keys/limits/ledger.py.

A call counts as a request once it was sent, whatever came of it; one that a process began and did not live to end was.
Hits cost nothing and count for nothing; tokens and money count as the provider told them, or as they were estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from cache_admin.dashboard import PAID
from cache_admin.models import UsageRecord
from cache_admin.rows import OPEN, moment
from keys.ids import first_id
from keys.limits.accounts import Account
from keys.limits.subjects import NANO

SLACK = 5.0  # seconds between a row's id and its `at`: two readings of one clock
SENT = Q(attempts__gt=0) | Q(status__in=(OPEN, "aborted"))
OWN_KEYS = "pk:"  # callers who brought their own provider key: no limit of ours is theirs
AMOUNTS = {
    "requests": Count("pk", filter=SENT),
    "tokens": Sum(Coalesce(F("input_tokens"), 0) + Coalesce(F("output_tokens"), 0)),
    "usd": Sum("cost_usd"),
}


def sums(account: Account, process: str = "") -> Mapping[str, int]:
    """{process: what it used}: nano-USD, tokens or requests. process: of this one alone."""
    found = rows(account)
    if process:
        found = found.filter(instance=process)
    grouped = found.order_by().values("instance").annotate(amount=AMOUNTS[account.unit])
    return {row["instance"]: whole(account, row["amount"]) for row in grouped if row["amount"]}


def whole(account: Account, amount: int | Decimal) -> int:
    return int(amount * NANO) if account.unit == "usd" else int(amount)


def rows(account: Account) -> QuerySet[UsageRecord]:
    """The account's calls. Ids are in the order of time, so an index range holds them."""
    span = Q(id__gte=first_id(account.since - SLACK), id__lt=first_id(account.until + SLACK))
    exact = Q(at__gte=moment(account.since), at__lt=moment(account.until))
    return UsageRecord.objects.filter(span, exact, owner(account), PAID)


def owner(account: Account) -> Q:
    match account.kind:
        case "key":
            return Q(key_id=account.id)
        case "project":
            return Q(project_id=account.id)
        case "installation":
            return ~Q(key_id__startswith=OWN_KEYS)
