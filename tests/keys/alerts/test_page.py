"""The admin's page of alerts: read by those who keep budgets, changed by nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from keys.administration.roles import GROUPS
from keys.models import AlertDelivery, BudgetAlert, Role, VirtualKey
from tests.keys.alerts.conftest import budget

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:keys_alertdelivery_changelist")
LATER = timezone.now() + timedelta(hours=1)
STATES = {
    "given up": {"fault": "the webhook answered 503", "attempts": 8},
    "failing": {"fault": "the webhook answered 500", "due_at": LATER},
    "waiting": {"due_at": LATER},
    "sent": {"sent_at": timezone.now()},
}


@pytest.fixture
def deliveries(key: VirtualKey) -> dict[str, AlertDelivery]:
    """One in each state, each of its own period."""
    row, found = budget(key), {}
    for days, (state, facts) in enumerate(STATES.items()):
        start = timezone.now() - timedelta(days=days)
        alert = BudgetAlert.objects.create(budget=row, period_start=start, threshold=80, used=85, amount=100)
        found[state] = AlertDelivery.objects.create(alert=alert, channel="webhook", **facts)
    return found


def in_role(role: Role) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.groups.set(Group.objects.filter(name=GROUPS[role]))
    client = Client()
    client.force_login(user)
    return client


def test_who_keeps_budgets_sees_what_was_given_up_and_why(deliveries: dict[str, AlertDelivery]) -> None:
    page = in_role(Role.KEY_MANAGER).get(f"{PAGE}?state=given+up").content.decode()
    assert "80 % of 100 tokens per month" in page
    assert "the webhook answered 503" in page
    assert "the webhook answered 500" not in page


@pytest.mark.parametrize("state", list(STATES))
def test_each_state_is_told_and_found(deliveries: dict[str, AlertDelivery], state: str) -> None:
    response = in_role(Role.ADMIN).get(PAGE, {"state": state})
    assert [row.state() for row in response.context["cl"].result_list] == [state]
    assert deliveries[state].state() == state


def test_an_alert_has_a_page_of_its_own_and_nobody_changes_it(deliveries: dict[str, AlertDelivery]) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    address = reverse("admin:keys_alertdelivery_change", args=[deliveries["failing"].pk])
    assert f"{LATER:%Y-%m-%d %H:%M}" in client.get(address).content.decode()
    assert client.post(address, {"fault": "none"}).status_code == 403


def test_who_reads_logs_alone_does_not_see_them(db: None) -> None:
    assert in_role(Role.LOG_READER).get(PAGE).status_code == 403
