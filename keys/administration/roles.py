"""What each role may do: staff, whose groups are named after the roles, and admin keys.

A migration makes the groups, and each later one gives them what is new. What an operator adds to a group, or takes away
from it, stays so.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from django.contrib.auth.models import Group, Permission
from django.db import connections

from keys.models import Role

GROUPS = {
    Role.ADMIN: "Administrators",
    Role.KEY_MANAGER: "Key managers",
    Role.LOG_READER: "Log readers",
    Role.BODY_READER: "Log readers with bodies",
}
_KEPT = ("virtualkey", "project", "budget", "tokenissuer")
_LOGS = ("cache_admin.view_usagerecord", "cache_admin.view_storedcompletion")
_READ = (*_LOGS, "cache_admin.view_price", "keys.view_virtualkey")
# Patterns of Django's permissions. Users and groups are no role's: whoever gives out rights is a superuser.
RIGHTS = {
    Role.ADMIN: ("keys.*", "cache_admin.*", "proxy_api.*"),
    Role.KEY_MANAGER: (
        *(f"keys.{verb}_{model}" for verb in ("add", "change", "view") for model in _KEPT),
        "keys.view_providercredential",
        "keys.view_alertdelivery",
        *_LOGS,
    ),
    Role.LOG_READER: _READ,
    Role.BODY_READER: (*_READ, "cache_admin.view_bodies"),
}
_before: set[int] = set()  # the permissions that were there before the migration under way


def may(role: Role, permission: str) -> bool:
    """permission: as Django names it, `keys.view_virtualkey`."""
    return any(fnmatchcase(permission, pattern) for pattern in RIGHTS[role])


def remember(using: str, **_: object) -> None:
    """Before migrating: which permissions there are."""
    _before.clear()
    if "auth_permission" in connections[using].introspection.table_names():
        _before.update(Permission.objects.using(using).values_list("pk", flat=True))


def fill(using: str, **_: object) -> None:
    """After migrating, when Django has made the permissions: a group that has none gets all of its role's, another one
    those that are new."""
    groups = {group.name: group for group in Group.objects.using(using).filter(name__in=GROUPS.values())}
    if not groups:
        return
    there = Permission.objects.using(using).values_list("pk", "content_type__app_label", "codename")
    named = {pk: f"{app}.{codename}" for pk, app, codename in there}
    for role, name in GROUPS.items():
        if group := groups.get(name):
            old = _before if group.permissions.exists() else set()
            group.permissions.add(*(pk for pk, one in named.items() if pk not in old and may(role, one)))
