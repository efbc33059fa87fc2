"""What is done to keys from their pages: rotated, duplicated, switched off and on, their budgets reset."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from keys.administration import issuing
from keys.entrance import access
from keys.entrance.refusals import AccessRefused
from keys.models import ANONYMOUS, AuditEntry, Budget, Project, VirtualKey
from tests.keys.admin.asking import action, budget_rows, change, issue

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r"dgm_[0-9A-Za-z]{49}")


def rotate(operator, key, **fields):
    """Through its page, as it was shown last."""
    page = operator.get(action(key, "rotate")).content.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
    return operator.post(action(key, "rotate"), {"seen": seen, "grace": "24", **fields})


def works(token):
    try:
        return access.identify(f"Bearer {token}", None).name
    except AccessRefused:
        return None


def test_a_rotated_key_shows_its_new_secret_once_and_both_work_within_the_grace(operator):
    key, old = issuing.issue("team")
    text = rotate(operator, key).content.decode()
    new = TOKEN.search(text).group()
    assert f'export OPENAI_API_KEY="{new}"' in text
    assert works(old) == works(new) == "team"
    key.refresh_from_db()
    assert timedelta(hours=23) < key.previous_until - timezone.now() <= timedelta(hours=24)
    assert new not in operator.get(change(key)).content.decode()
    entry = AuditEntry.objects.get(action="key.rotated", target_id=key.pk)
    assert (entry.actor, new in str(entry.changes)) == ("operator", False)


def test_rotated_without_grace_the_old_secret_has_ended(operator):
    key, old = issuing.issue("team")
    new = TOKEN.search(rotate(operator, key, grace="0").content.decode()).group()
    assert (works(old), works(new)) == (None, "team")


def test_a_rotation_that_is_sent_twice_rotates_once(operator):
    key, _ = issuing.issue("team")
    page = operator.get(action(key, "rotate")).content.decode()
    sent = {"seen": re.search(r'name="seen" value="([^"]+)"', page)[1], "grace": "1"}
    new = TOKEN.search(operator.post(action(key, "rotate"), sent).content.decode()).group()
    again = operator.post(action(key, "rotate"), sent, follow=True).content.decode()
    assert "It was not rotated again" in again
    assert not TOKEN.search(again)
    assert works(new) == "team"


@pytest.mark.parametrize("grace", ["", "2", "-1", "x"])
def test_a_grace_is_one_of_those_offered(operator, grace):
    key, old = issuing.issue("team")
    assert not TOKEN.search(rotate(operator, key, grace=grace).content.decode())
    assert works(old) == "team"


def test_neither_a_revoked_key_nor_the_anonymous_one_is_rotated(operator):
    key, _ = issuing.issue("team")
    issuing.revoke(key, timezone.now())
    for one in (key, VirtualKey.objects.get(pk=ANONYMOUS)):
        assert action(one, "rotate") not in operator.get(change(one)).content.decode()
        answer = operator.post(action(one, "rotate"), {"seen": one.last_four, "grace": "1"}, follow=True)
        assert "it cannot be rotated" in answer.content.decode()


def test_a_key_like_another_has_its_settings_and_its_budgets_but_a_secret_of_its_own(operator):
    project = Project.objects.create(name="search")
    key, _ = issuing.issue("team", ["openai/*"], terms=issuing.Terms(project, 60, 1000, Decimal(25)))
    VirtualKey.objects.filter(pk=key.pk).update(tags=["a", "b"], networks=["10.0.0.0/8"], owner="ops")
    to = operator.post(action(key, "duplicate")).url
    page = operator.get(to)
    form, budgets = page.context["adminform"].form, page.context["inline_admin_formsets"][0].formset
    assert form["name"].value() == "team (copy)"
    given = {name: form[name].value() for name in ("models", "tags", "networks", "owner", "requests_per_minute")}
    assert given == {
        "models": "openai/*",
        "tags": "a\nb",
        "networks": "10.0.0.0/8",
        "owner": "ops",
        "requests_per_minute": 60,
    }
    assert form["project"].value() == project.pk
    assert [(one["amount"].value(), one["period"].value()) for one in budgets.forms] == [("25", "month")]
    assert TOKEN.search(issue(operator, where=to, name="copy", **budget_rows({"amount": "25"})).content.decode())
    copy = VirtualKey.objects.get(name="copy")
    assert copy.digest != key.digest
    assert [str(one) for one in copy.budgets.all()] == ["25 USD per month"]


def test_a_key_is_disabled_and_enabled_from_its_page(operator):
    key, token = issuing.issue("team")
    assert "Yes, disable" in operator.get(action(key, "disable")).content.decode()
    assert works(token) == "team"
    operator.post(action(key, "disable"))
    access.forget()
    assert works(token) is None
    assert operator.post(action(key, "disable")).status_code == 404
    operator.post(action(key, "enable"))
    access.forget()
    assert works(token) == "team"


def test_several_keys_are_disabled_and_enabled_at_once(operator):
    keys = [issuing.issue(name)[0] for name in ("one", "two")]
    for name, on in (("disable_selected", False), ("enable_selected", True)):
        chosen = {"action": name, "_selected_action": [key.pk for key in keys]}
        assert "Yes, " in operator.post(reverse("admin:keys_virtualkey_changelist"), chosen).content.decode()
        operator.post(reverse("admin:keys_virtualkey_changelist"), {**chosen, "confirmed": "yes"})
        assert VirtualKey.objects.filter(enabled=on, name__in=("one", "two")).count() == 2


def test_a_budget_is_reset_after_a_question_and_no_other(operator):
    key, _ = issuing.issue("team")
    budget, other = (Budget.objects.create(key=key, amount=5, unit=unit) for unit in ("usd", "requests"))
    foreign = Budget.objects.create(amount=5)
    page = operator.get(action(key, "reset_budgets")).content.decode()
    assert (budget.pk in page, foreign.pk in page) == (True, False)
    operator.post(action(key, "reset_budgets"), {"budget": [budget.pk, foreign.pk]})
    reset = {one.pk for one in Budget.objects.exclude(reset_at=None)}
    assert reset == {budget.pk}
    assert AuditEntry.objects.filter(action="budget.reset", target_id=budget.pk).exists()
    assert operator.post(action(key, "reset_budgets"), {}).status_code == 200
    assert Budget.objects.get(pk=other.pk).reset_at is None


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(client):
    key, token = issuing.issue("team")
    budget = Budget.objects.create(key=key, amount=5)
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_virtualkey"))
    client.force_login(reader)
    page = client.get(change(key)).content.decode()
    for name in ("rotate", "duplicate", "disable", "enable", "revoke", "reset_budgets"):
        assert action(key, name) not in page
        assert client.get(action(key, name)).status_code == 403
        assert client.post(action(key, name), {"grace": "0", "budget": budget.pk}).status_code == 403
    chosen = {"action": "disable_selected", "_selected_action": [key.pk], "confirmed": "yes"}
    client.post(reverse("admin:keys_virtualkey_changelist"), chosen)
    assert works(token) == "team"
    assert Budget.objects.get(pk=budget.pk).reset_at is None
