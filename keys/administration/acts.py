"""What is done to the installation, each act with its line in the audit log and in one transaction with it.

The API and the file act through these; the admin's pages through those that are more than the saving of a form.
Invariant: a change writes the fields that it names and no others, so that an edit never undoes a rotation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from keys.administration import audit, budgets, issuing
from keys.administration.audit import Actor
from keys.models import AdminKey, Budget, ProviderCredential, VirtualKey
from keys.secrecy.pepper import fingerprint
from keys.secrecy.sealing import SealBroken

Difference = Mapping[str, list[object]]  # field -> what it was, what it became
# What a credential's row keeps of its secret.
SECRET = ("sealed", "last_four", "fingerprint")
EMPTY: tuple[object, ...] = (None, "", [], {}, False)


def add(row: Model, actor: Actor) -> None:
    """Save a new row. Raises IntegrityError where there is one like it."""
    with transaction.atomic():
        row.save(force_insert=True)
        audit.note(actor, f"{audit.noun(row)}.added", row, said(row))


def change(row: Model, names: Collection[str], actor: Actor) -> Difference:
    """Save these fields of a row, and say what became of them; one that is as it was is not written. Raises the
    model's DoesNotExist where somebody has deleted it meanwhile, IntegrityError."""
    with transaction.atomic():
        old = type(row)._default_manager.select_for_update().get(pk=row.pk)
        found = {name: [value(old, name), value(row, name)] for name in names}
        changed = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
        if changed:
            row.save(update_fields=list(changed))
            audit.note(actor, f"{audit.noun(row)}.changed", row, changed)
    return changed


def remove(row: Model, actor: Actor) -> None:
    with transaction.atomic():
        audit.note(actor, f"{audit.noun(row)}.deleted", row, said(row))
        row.delete()


def issue(key: VirtualKey | AdminKey, actor: Actor) -> str:
    """Save a new key. The token, which is nowhere else."""
    with transaction.atomic():
        token = issuing.put_token(key)
        key.save(force_insert=True)
        audit.note(actor, f"{audit.noun(key)}.issued", key, said(key))
    return token


def rotate(key: VirtualKey, grace: timedelta, now: datetime, actor: Actor) -> str:
    """As issuing.rotate. Raises issuing.NotRotated."""
    with transaction.atomic():
        token = issuing.rotate(key, grace, now)
        audit.note(actor, "key.rotated", key, {"grace": grace})
    return token


def revoke(key: VirtualKey | AdminKey, now: datetime, actor: Actor) -> None:
    """As issuing.revoke."""
    if key.revoked_at is None:
        with transaction.atomic():
            issuing.revoke(key, now)
            audit.note(actor, f"{audit.noun(key)}.revoked", key)


def reset(budget: Budget, now: datetime, actor: Actor) -> None:
    """From now on what was used before does not count."""
    with transaction.atomic():
        budgets.reset(budget, now)
        audit.note(actor, "budget.reset", budget)


def put(row: Model, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Give a row what was entered for it; `secret`, a credential's, is sealed for what the row then is, unless it has
    that one already. The names of the fields that may be others now. Nothing is saved."""
    given = dict(values)
    secret = given.pop("secret", "")
    for name, entered in given.items():
        setattr(row, name, entered)
    if not secret or not isinstance(row, ProviderCredential):
        return tuple(given)
    if not holds(row, secret):
        row.put_secret(secret, fingerprint(secret))
    return (*given, *SECRET)


def holds(row: ProviderCredential, secret: str) -> bool:
    """Whether a credential opens, as it is now, and has this secret."""
    try:
        kept = row.secret()
    except SealBroken:
        return False
    return kept is not None and kept.reveal() == secret


def said(row: Model) -> dict[str, object]:
    """What is told of a new row: what was chosen for it, and what secret it has."""
    chosen = [one.name for one in row._meta.concrete_fields if one.editable and not one.primary_key]
    if isinstance(row, ProviderCredential):
        chosen.append("fingerprint")
    return {name: found for name in chosen if (found := value(row, name)) not in EMPTY}


def value(row: Model, name: str) -> Any:
    """As two rows' can be compared: of another row its name, of sealed bytes the bytes."""
    found = getattr(row, name)
    if isinstance(found, memoryview):
        return bytes(found)
    return str(found) if isinstance(found, Model) else found
