"""Rotation of the master keys: everything sealed is sealed anew under the newest, by whoever keeps it.

Other apps register what they keep, so that this one need not import them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Model

from keys.models import InstallationSecret, ProviderCredential
from keys.secrecy import sealing

Resealer = Callable[[], int]
_resealers: dict[str, Resealer] = {}


def register(name: str, resealer: Resealer) -> None:
    """Have rotate_secrets call `resealer`: it re-seals what it keeps and says how many. SealBroken ends the run."""
    _resealers[name] = resealer


def names() -> tuple[str, ...]:
    return tuple(_resealers)


def reseal(name: str) -> int:
    """Seal anew what is kept under `name`; how many were. SealBroken if one does not open: the rest stays as it is."""
    return _resealers[name]()


def reseal_rows(model: type[Model]) -> int:
    """Each row that is not under the newest key, in a transaction of its own: nothing waits for long. `model` has a
    field `sealed` and says its place()."""
    pks = list(model._default_manager.exclude(sealed=None).values_list("pk", flat=True))
    return sum(reseal_row(model, pk) for pk in pks)


@transaction.atomic
def reseal_row(model: type[Model], pk: Any) -> bool:
    row: Any = model._default_manager.select_for_update().filter(pk=pk).first()
    if row is None or row.sealed is None or sealing.ring().is_newest(bytes(row.sealed)):
        return False
    row.sealed = sealing.ring().resealed(bytes(row.sealed), row.place())
    row.save(update_fields=["sealed"])
    return True


def reseal_credentials() -> int:
    return reseal_rows(ProviderCredential)


def reseal_installation_secrets() -> int:
    return reseal_rows(InstallationSecret)


register("provider credentials", reseal_credentials)
register("installation secrets", reseal_installation_secrets)
