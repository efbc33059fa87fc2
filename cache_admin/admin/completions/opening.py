"""Sealed requests and answers opened for a page, for who may read them; the audit log is told first."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from cache_admin.admin import bodies, reading
from cache_admin.models import StoredCompletion
from cache_admin.unsealing import SEALED, completion_of, request_of
from keys.administration import audit
from keys.secrecy.sealing import SealBroken

LARGEST = 256 << 10  # bytes: of a larger entry a list of fifty says nothing
TO_CALLER = "Sealed to its caller: it opens with the request and the key's secret, of which neither is kept."


def put_first_words(request: HttpRequest, rows: Sequence[StoredCompletion]) -> None:
    """Give the rows of one page `first_words`, where the user may read them."""
    near = [row for row in rows if row.size <= LARGEST and not row.sealed_to_caller]
    if not near or not bodies.may(request):
        return
    audit.note(audit.of_request(request), "body.viewed", None, {"completions": [row.digest[:16] for row in near]})
    kept = StoredCompletion.objects.filter(pk__in=[row.pk for row in near]).only("scope", "request_sealed")[: len(near)]
    words = {row.pk: first_words(row) for row in kept}
    for row in near:
        row.first_words = words.get(row.pk, "")  # type: ignore[attr-defined]  # for this page alone


def first_words(row: StoredCompletion) -> str:
    try:
        return reading.first_words(request_of(row))
    except (SealBroken, ValueError):
        return "does not open"


def bodies_of(request: HttpRequest, digest: str) -> list[bodies.Body]:
    row = StoredCompletion.objects.filter(pk=digest).only("scope", "sealed_to_caller", "model", *SEALED).first()
    if row is None:
        return []
    if row.sealed_to_caller:
        return [bodies.Body("Request and answer", TO_CALLER)]
    if not bodies.may_read(request, row):
        return [bodies.Body("Request and answer", bodies.HIDDEN)]
    return [
        bodies.opened("Request", lambda: request_of(row), reading.conversation),
        bodies.opened("Answer", lambda: completion_of(row).answer, reading.answered),
        *told_beside(row),
    ]


def told_beside(row: StoredCompletion) -> list[bodies.Body]:
    """The headers of the request that its answer depends on, and what was left out of it, where there are any."""
    try:
        kept = completion_of(row)
    except (SealBroken, ValueError):
        return []  # which the answer says
    headers = [reading.Said(name, value) for name, value in kept.headers.items()]
    found = [bodies.Body("Headers of the request", turns=headers)] if headers else []
    return [*found, bodies.Body("Left out of the request", "; ".join(kept.dropped))] if kept.dropped else found
