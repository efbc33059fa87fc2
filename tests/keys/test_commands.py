import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from keys.entrance import access
from keys.models import AuditEntry, Budget, Project, VirtualKey
from tests.keys.asking import works

pytestmark = pytest.mark.django_db


def said(command, *arguments):
    out, err = StringIO(), StringIO()
    call_command(command, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def issued(*arguments):
    return said("issue_key", *arguments)


def test_the_secret_stands_alone_on_stdout():
    out, err = issued("--name", "team")
    assert re.fullmatch(r"dgm_[0-9A-Za-z]{49}\n", out)
    assert out.strip() not in err
    assert access.identify(f"Bearer {out.strip()}", None).name == "team"


def test_models_and_expiry_are_kept():
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    issued("--name", "team", "--models", "openai/*, gpt-5,", "--expires", tomorrow.isoformat())
    key = VirtualKey.objects.get(name="team")
    assert key.models == ["openai/*", "gpt-5"]
    assert key.expires_at.date() == tomorrow
    assert key.expires_at.hour == 23


@pytest.mark.parametrize("expires", ["2001-01-01", "soon", "2027-13-01", "2027-02-30"])
def test_a_date_that_is_none_or_past_is_refused(expires):
    with pytest.raises(CommandError, match="--expires"):
        issued("--name", "team", "--expires", expires)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_key_needs_a_name(name):
    with pytest.raises(CommandError, match="--name"):
        issued("--name", name)


def test_limits_and_a_budget_are_kept():
    issued("--name", "team", "--rpm", "10", "--tpm", "1000", "--budget", "2.50", "--period", "day")
    key = VirtualKey.objects.get(name="team")
    assert (key.requests_per_minute, key.tokens_per_minute) == (10, 1000)
    budget = Budget.objects.get(key=key)
    assert (budget.amount, budget.unit, budget.period) == (Decimal("2.50"), "usd", "day")


def test_a_budget_is_a_months_where_nothing_is_said():
    issued("--name", "team", "--budget", "25")
    assert Budget.objects.get(key__name="team").period == "month"


def test_a_project_is_found_by_name_or_id_and_a_new_name_makes_one():
    _, made = issued("--name", "one", "--project", "search")
    project = Project.objects.get(name="search")
    assert "Project search" in made
    _, found = issued("--name", "two", "--project", project.id)
    issued("--name", "three", "--project", "search")
    assert "Project" not in found
    assert project.keys.count() == 3


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("--rpm", "0"), "--rpm"),
        (("--tpm", "9999999999"), "--tpm"),
        (("--budget", "much"), "--budget"),
        (("--budget", "-1"), "--budget"),
        (("--budget", "NaN"), "--budget"),
        (("--budget", "1e-9"), "--budget"),
        (("--budget", "9007200"), "--budget"),
        (("--models", "gpt 5"), "--models"),
        (("--period", "day"), "--period"),
        (("--project", " "), "--project"),
    ],
)
def test_a_limit_that_is_none_is_refused_and_no_key_is_issued(arguments, option):
    with pytest.raises(CommandError, match=option):
        issued("--name", "team", *arguments)
    assert not VirtualKey.objects.filter(name="team").exists()


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_rotated_key_has_a_new_secret_and_the_old_one_for_its_grace(by):
    old, _ = issued("--name", "team")
    key = VirtualKey.objects.get(name="team")
    new, err = said("rotate_key", getattr(key, by), "--grace", "30m")
    assert re.fullmatch(r"dgm_[0-9A-Za-z]{49}\n", new)
    assert new.strip() not in err
    assert (works(old), works(new)) == (True, True)
    newest, err = said("rotate_key", "team", "--grace", "0")
    assert "has ended" in err
    assert [works(token) for token in (old, new, newest)] == [False, False, True]


@pytest.mark.parametrize("grace", ["soon", "-1h", "1w", "91d", "h", ""])
def test_a_grace_that_is_none_is_refused(grace):
    issued("--name", "team")
    with pytest.raises(CommandError, match="--grace"):
        said("rotate_key", "team", f"--grace={grace}")


def test_only_one_key_that_can_be_rotated_is():
    issued("--name", "team")
    issued("--name", "team")
    for name, reason in (("team", "several"), ("nobody", "no key"), ("anonymous", "cannot be rotated")):
        with pytest.raises(CommandError, match=reason):
            said("rotate_key", name)


def test_the_audit_log_has_what_was_done_and_no_secret():
    tokens = [issued("--name", "team", "--project", "search", "--rpm", "5")[0], said("rotate_key", "team")[0]]
    entries = AuditEntry.objects.order_by("id")
    assert [(entry.action, entry.target_name) for entry in entries] == [
        ("project.added", "search"),
        ("key.issued", "team"),
        ("key.rotated", "team"),
    ]
    assert {entry.actor_kind for entry in entries} == {"command"}
    assert entries[1].changes == {"models": [], "project": "search", "requests_per_minute": 5}
    assert not [token for token in tokens if token.strip() in str(entries.values())]
