"""The groups that a migration makes, and what they may do."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from keys.administration import roles
from keys.models import Role

pytestmark = pytest.mark.django_db
BODIES = "cache_admin.view_bodies"


@pytest.fixture(autouse=True)
def groups() -> None:
    """As the migration leaves them: a test of transactions may have emptied the tables before."""
    with connection.schema_editor() as editor:
        import_module("keys.migrations.0004_roles").make_groups(apps, editor)
    fill()


def fill() -> None:
    roles.remember("default")
    roles.fill("default")


def member(role: Role) -> User:
    user = User.objects.create_user(role.value, is_staff=True)
    user.groups.add(Group.objects.get(name=roles.GROUPS[role]))
    return user


@pytest.mark.parametrize("role", list(Role))
def test_the_group_of_a_role_has_exactly_its_rights(role: Role) -> None:
    every = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}
    assert member(role).get_all_permissions() == {one for one in every if roles.may(role, one)}


@pytest.mark.parametrize("role", list(Role))
def test_no_role_gives_rights_to_users(role: Role) -> None:
    apps_touched = {name.partition(".")[0] for name in member(role).get_all_permissions()}
    assert apps_touched <= {"keys", "cache_admin", "proxy_api"}
    assert "keys" in apps_touched


def test_bodies_are_read_by_two_roles() -> None:
    assert {role for role in Role if roles.may(role, BODIES)} == {Role.ADMIN, Role.BODY_READER}


@pytest.mark.parametrize("permission", [name for names in roles.RIGHTS.values() for name in names if "*" not in name])
def test_every_right_is_one_that_django_knows(permission: str) -> None:
    app, _, codename = permission.partition(".")
    assert Permission.objects.filter(content_type__app_label=app, codename=codename).exists()


def test_what_an_operator_adds_and_takes_away_stays() -> None:
    group = Group.objects.get(name="Log readers")
    added, taken = Permission.objects.get(codename="view_user"), Permission.objects.get(codename="view_price")
    group.permissions.add(added)
    group.permissions.remove(taken)
    fill()
    assert {added} <= set(group.permissions.all())
    assert taken not in group.permissions.all()


def test_rights_to_what_is_new_arrive_with_the_next_migration() -> None:
    roles.remember("default")
    kind = ContentType.objects.get(app_label="keys", model="virtualkey")
    new = Permission.objects.create(codename="paint_virtualkey", name="Can paint keys", content_type=kind)
    roles.fill("default")
    assert new in Group.objects.get(name="Administrators").permissions.all()
    assert new not in Group.objects.get(name="Log readers").permissions.all()


def test_a_group_that_an_operator_deletes_stays_away() -> None:
    Group.objects.get(name="Log readers").delete()
    fill()
    assert not Group.objects.filter(name="Log readers").exists()
