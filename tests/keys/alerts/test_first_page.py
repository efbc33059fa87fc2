"""The admin's first page shows the budgets near their end, and asks little for it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from keys.alerts import nearing
from keys.models import Budget, Project, VirtualKey
from tests.keys.alerts.conftest import budget, round_of, used

pytestmark = pytest.mark.django_db
TITLE = "Budgets near their end"


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def first_page(client: Client) -> str:
    return client.get("/admin/").content.decode()


@pytest.fixture
def near(key: VirtualKey) -> Budget:
    """Used to 90 %."""
    row = budget(key)
    used(key, 90)
    round_of()
    return row


def test_it_names_whose_they_are_how_full_and_leads_there(near: Budget) -> None:
    page = first_page(staff("view_budget", "view_virtualkey"))
    assert TITLE in page
    assert "90 tokens of 100 tokens" in page
    assert f'href="{reverse("admin:keys_virtualkey_change", args=[near.key_id])}"' in page


def test_who_may_not_see_the_key_gets_no_link_and_who_may_not_see_budgets_nothing(near: Budget) -> None:
    client = staff("view_budget")
    assert TITLE in first_page(client)
    assert str(near.key_id) not in first_page(client)
    User.objects.get().user_permissions.clear()
    assert TITLE not in first_page(client)


def test_those_of_projects_and_of_the_installation_stand_there_too(key: VirtualKey) -> None:
    key.project = Project.objects.create(name="apollo <11>")
    key.save()
    budget(key, key=None, project=key.project)
    budget(key, key=None)
    used(key, 90)
    round_of()
    page = first_page(staff("view_budget", "view_project", "view_installationlimits"))
    assert "apollo &lt;11&gt;" in page
    assert reverse("admin:keys_installationlimits_change", args=[1]) in page


def test_without_one_near_its_end_or_once_it_is_gone_nothing_is_said(key: VirtualKey, near: Budget) -> None:
    client = staff("view_budget")
    near.delete()
    assert nearing.near()
    assert TITLE not in first_page(client)
    round_of()
    assert nearing.near() == []
    assert TITLE not in first_page(client)
