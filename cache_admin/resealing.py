"""After the master keys were rotated: everything sealed here is sealed anew under the newest, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import models, transaction

from cache_admin.completions import VALUE_VERSION, is_sealed_to_caller
from cache_admin.models import StoredCompletion, UsageBody
from cache_admin.sealed import body_place, completion_place
from keys.secrecy.sealing import KeyRing, ring

BATCH = 20  # a row may hold 8 MiB
Sealer = Callable[[KeyRing, Any], bool]


def reseal_completions() -> int:
    """How many rows were sealed anew. Redis needs none of it: what it cannot open is a miss."""
    return reseal(StoredCompletion, ("answer_sealed", "request_sealed"), reseal_completion)


def reseal_bodies() -> int:
    return reseal(UsageBody, ("answer_sealed", "request_sealed"), reseal_body)


def reseal(model: type[models.Model], columns: tuple[str, ...], sealer: Sealer) -> int:
    """Each batch in a transaction of its own, so that nothing waits for long and a second run goes on."""
    return sum(reseal_batch(model, pks, columns, sealer) for pks in batches(model))


def batches(model: type[models.Model]) -> Iterator[list[Any]]:
    """All primary keys, `BATCH` at a time, in their order."""
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    pks = list(rows[:BATCH])
    while pks:
        yield pks
        pks = list(rows.filter(pk__gt=pks[-1])[:BATCH])


@transaction.atomic
def reseal_batch(model: type[models.Model], pks: list[Any], columns: tuple[str, ...], sealer: Sealer) -> int:
    rows = model._default_manager.select_for_update().filter(pk__in=pks)
    changed = [row for row in rows if sealer(ring(), row)]
    model._default_manager.bulk_update(changed, columns)
    return len(changed)


def reseal_completion(keys: KeyRing, row: StoredCompletion) -> bool:
    """Whether it had to be; what is sealed to its caller never has. SealBroken if a part does not open."""
    if is_sealed_to_caller(bytes(row.answer_sealed[:2])):
        return False
    answer, request = bytes(row.answer_sealed)[len(VALUE_VERSION) :], bytes(row.request_sealed)
    place = partial(completion_place, row.digest, row.scope)
    fresh = resealed(keys, answer, place("answer")), resealed(keys, request, place("request"))
    if fresh == (answer, request):
        return False
    row.answer_sealed, row.request_sealed = VALUE_VERSION + fresh[0], fresh[1]
    return True


def reseal_body(keys: KeyRing, row: UsageBody) -> bool:
    parts = bytes(row.request_sealed), bytes(row.answer_sealed)
    record_id = str(row.pk)
    fresh = (
        resealed(keys, parts[0], body_place(record_id, "request")),
        resealed(keys, parts[1], body_place(record_id, "answer")),
    )
    row.request_sealed, row.answer_sealed = fresh
    return fresh != parts


def resealed(keys: KeyRing, sealed: bytes, place: bytes) -> bytes:
    return keys.resealed(sealed, place) if sealed else b""
