"""What the audit log writes down, and what it must not."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from ipaddress import ip_network

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import RequestFactory

from keys.administration import audit, issuing
from keys.models import AuditEntry, Budget, Project, VirtualKey

pytestmark = pytest.mark.django_db
BY = audit.Actor("user", "root", "192.0.2.7")


def test_an_entry_says_who_did_what_to_which_row_and_from_where():
    key, _ = issuing.issue("team")
    audit.note(BY, "key.issued", key, {"models": ["gpt-*"], "expires_at": None})
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.actor, entry.address, entry.action) == ("user", "root", "192.0.2.7", "key.issued")
    assert (entry.target_type, entry.target_id, entry.target_name) == ("keys.virtualkey", key.id, "team")
    assert entry.changes == {"models": ["gpt-*"], "expires_at": None}


def test_a_budget_is_told_with_whose_it_is():
    key, _ = issuing.issue("team")
    for whose in ({"key": key}, {"project": Project.objects.create(name="search")}, {}):
        audit.note(BY, "budget.reset", Budget.objects.create(amount=Decimal(5), **whose))
    names = AuditEntry.objects.order_by("id").values_list("target_name", flat=True)
    assert [name.partition(" per month of ")[2] for name in names] == ["team", "search", "the whole installation"]


@pytest.mark.parametrize("name", sorted(audit.SECRET))
def test_of_a_secret_no_more_is_said_than_that_it_changed(name):
    audit.note(
        BY,
        "credential.changed",
        None,
        {name: {"from": "planted-old", "to": "planted-new"}, "inside": {name: "planted"}},
    )
    assert AuditEntry.objects.get().changes == {name: "changed", "inside": {name: "changed"}}


def test_what_jsonb_cannot_hold_is_said_in_other_words():
    audit.note(BY, "key.changed", None, {"note": "a\x00b" * 400, "sealed_before": b"\x00", "at": VirtualKey(name="x")})
    changes = AuditEntry.objects.get().changes
    assert changes["note"].startswith("abab")
    assert len(changes["note"]) == audit.LONGEST
    assert (changes["sealed_before"], changes["at"]) == ("changed", "x")


def test_an_act_that_cannot_be_written_down_does_not_happen():
    @transaction.atomic
    def act():
        key, _ = issuing.issue("team")
        audit.note(BY, "an action whose name is longer than its column is wide, by far and away", key)

    with pytest.raises(DatabaseError):
        act()
    assert not VirtualKey.objects.filter(name="team").exists()


def test_a_commands_actor_is_the_systems_user():
    actor = audit.of_command()
    assert (actor.kind, actor.address) == ("command", "")
    assert actor.name


def test_resealing_all_secrets_is_noted():
    call_command("rotate_secrets", stdout=StringIO())
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_kind) == ("secrets.resealed", "command")
    assert "provider credentials" in entry.changes["kinds"]


def test_a_trusted_proxys_word_is_the_address(settings, django_user_model):
    request = RequestFactory().get("/admin/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 192.0.2.9")
    request.user = django_user_model(username="root")
    assert audit.of_request(request) == audit.Actor("user", "root", "10.0.0.1")
    settings.DRAGOMAN_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    assert audit.of_request(request) == audit.Actor("user", "root", "192.0.2.9")
