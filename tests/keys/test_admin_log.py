"""What is done on the admin's pages stands in the audit log: who, from where, and what the fields were and became."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from cache_admin.models import Price
from keys.models import AuditEntry, ProviderCredential
from tests.keys.admin.asking import SECRET, issue, store

pytestmark = pytest.mark.django_db
PRICE = {"provider": "openai", "model": "gpt-4o", "input": "2.5", "output": "10", "cached": "", "cache_write": ""}
NEW_PASSWORD = "a long and winding road"


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_superuser("root", password="planted old password")
    client.force_login(user)
    AuditEntry.objects.all().delete()  # of the login
    return client


def entries() -> list[tuple[str, str, dict[str, object]]]:
    return [(one.action, one.target_name, one.changes) for one in AuditEntry.objects.order_by("id")]


def test_a_row_that_is_added_changed_and_deleted_is_three_entries(operator: Client) -> None:
    operator.post(reverse("admin:cache_admin_price_add"), PRICE)
    row = Price.objects.get()
    operator.post(reverse("admin:cache_admin_price_change", args=[row.pk]), {**PRICE, "output": "12"})
    operator.post(reverse("admin:cache_admin_price_delete", args=[row.pk]), {"post": "yes"})
    added, changed, deleted = entries()
    assert added[0] == "price.added"
    assert added[2]["model"] == "gpt-4o"
    assert changed == ("price.changed", "openai/gpt-4o", {"output": {"from": "10.000000", "to": "12.000000"}})
    assert deleted == ("price.deleted", "openai/gpt-4o", {})
    assert {(one.actor, one.address) for one in AuditEntry.objects.all()} == {("root", "127.0.0.1")}


def test_rows_that_are_deleted_together_are_an_entry_each(operator: Client) -> None:
    for name in ("gpt-4o", "gpt-5"):
        Price.objects.create(provider="openai", model=name, input=1, output=1)
    chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in Price.objects.all()], "post": "yes"}
    operator.post(reverse("admin:cache_admin_price_changelist"), chosen)
    assert not Price.objects.exists()
    assert sorted(entries()) == [("price.deleted", f"openai/{name}", {}) for name in ("gpt-4o", "gpt-5")]


def test_one_row_that_is_deleted_from_the_list_is_one_entry(operator: Client) -> None:
    row = Price.objects.create(provider="openai", model="gpt-4o", input=1, output=1)
    where = reverse("admin:cache_admin_price_changelist")
    asked = operator.post(where, {"action": "delete_selected", "_selected_action": [row.pk]})
    assert asked.status_code == 200
    assert entries() == []
    operator.post(where, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert entries() == [("price.deleted", "openai/gpt-4o", {})]


def test_a_credentials_secret_is_never_in_the_log(operator: Client) -> None:
    store(operator)
    row = ProviderCredential.objects.get()
    store(operator, row, secret="sk-the-new-one-5678", name="renamed")
    _, changed = entries()
    assert changed[0] == "credential.changed"
    assert changed[2]["name"] == {"from": "ours", "to": "renamed"}
    assert changed[2]["sealed"] == "changed"
    written = json.dumps([one[2] for one in entries()])
    assert SECRET not in written
    assert "sk-the-new-one-5678" not in written


def test_an_issued_key_is_noted_without_what_opens_it(operator: Client) -> None:
    secret = issue(operator).context["secret"]
    written = json.dumps([one[2] for one in entries()])
    assert [one[1] for one in entries()] == ["team"]
    assert secret not in written


def test_who_was_given_which_rights_is_told(operator: Client) -> None:
    group = Group.objects.create(name="readers")
    user = User.objects.create_user("clerk", is_staff=True)
    fields = {"username": "clerk", "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    operator.post(reverse("admin:auth_user_change", args=[user.pk]), {**fields, **joined})
    assert entries()[0][2]["groups"] == {"from": [], "to": ["readers"]}


def test_a_user_who_changes_the_own_password_is_told_without_it(operator: Client) -> None:
    new = {"old_password": "planted old password", "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert operator.post(reverse("admin:password_change"), new).status_code == 302
    assert entries() == [("user.changed", "root", {"password": "changed"})]


def test_an_act_that_is_logged_in_words_keeps_them(operator: Client) -> None:
    issue(operator)
    key = AuditEntry.objects.get().target_id
    operator.post(f"/admin/keys/virtualkey/{key}/revoke/", {"confirmed": "yes"})
    action, name, changes = entries()[-1]
    assert (name, changes["revoked_at"]["from"]) == ("team", None)
    assert action in ("key.changed", "key.revoked")


def test_reading_pages_writes_nothing(operator: Client) -> None:
    for name in ("index", "keys_virtualkey_changelist", "auth_user_changelist"):
        assert operator.get(reverse(f"admin:{name}")).status_code == 200
    assert entries() == []
