"""The audit log's pen: who did what to which row, from where. Secrets are never among what is written.

An act that cannot be written down does not happen: note() raises where the database does, and whoever acts calls it in
the transaction of the act.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from keys.entrance.client_address import client_address
from keys.models import AuditEntry, Budget

# Fields whose value is a secret, opens something, or may hold one: the log says no more than that they changed.
SECRET = frozenset(
    ("secret", "sealed", "password", "token", "code", "digest", "previous_digest", "headers", "alert_webhook")
)
CHANGED = "changed"
NOUNS = {
    "virtualkey": "key",
    "providercredential": "credential",
    "installationlimits": "limits",
    "tokenissuer": "issuer",
    "usagerecord": "call",
    "storedcompletion": "completion",
    "catalogmodel": "model",
    "adminkey": "admin_key",
    "secondfactor": "second_factor",
}
LONGEST, MOST = 500, 100  # characters of a text, members of a list


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. kind: user, admin_key, command or nobody; address: the client's, empty for a command."""

    kind: str
    name: str
    address: str = ""


NOTHING: Mapping[str, object] = {}


def note(actor: Actor, action: str, target: Model | None, changes: Mapping[str, object] = NOTHING) -> AuditEntry:
    """Write one entry. action: `noun.done`, as `key.rotated`; target: the row, None where there is none; changes:
    field -> what it became, or {"from": what it was, "to": what it became}. Raises DatabaseError: then the act must not
    happen either."""
    return AuditEntry.objects.create(
        at=timezone.now(),
        actor_kind=actor.kind,
        actor=plain(actor.name[:200]),
        action=action,
        target_type="" if target is None else target._meta.label_lower,
        target_id="" if target is None else str(target.pk)[:64],
        target_name="" if target is None else plain(named(target)[:200]),
        changes=plain(dict(changes)),
        address=plain(actor.address[:64]),
    )


def named(target: Model) -> str:
    """A budget by whose it is as well: what it is alone, many are."""
    if isinstance(target, Budget):
        return f"{target} of {target.key or target.project or 'the whole installation'}"
    return str(target)


def of_request(request: HttpRequest) -> Actor:
    """The user of a page, with the client's address; `nobody` who is not logged in."""
    user: Any = request.user
    known = bool(user.is_authenticated)
    return Actor("user" if known else "nobody", user.get_username() if known else "", client_address(request.META))


def of_command() -> Actor:
    """Whoever runs a management command, by the operating system's name for them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user that no file names
        name = "command"
    return Actor("command", name)


def noun(model: type[Model] | Model) -> str:
    """What actions call rows of a model: `key` in `key.rotated`."""
    name = str(model._meta.model_name)
    return NOUNS.get(name, name)


def plain(value: object) -> Any:
    """A value as JSON without secrets, long texts cut. PostgreSQL's jsonb takes no NUL."""
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [plain(one) for one in value[:MOST]]
        case dict():
            return {name: CHANGED if name in SECRET else plain(one) for name, one in list(value.items())[:MOST]}
        case bytes() | memoryview():
            return CHANGED
        case _:
            return str(value).replace("\x00", "")[:LONGEST]
