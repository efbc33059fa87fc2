"""The usage page of one key and of one project: its sums, models and last calls, by index and bounded."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from cache_admin.admin import spent
from cache_admin.models import UsageRecord
from keys.administration import issuing
from keys.ids import first_id
from keys.models import Project, VirtualKey

pytestmark = pytest.mark.django_db
DAY = 86400
NUMBERS = itertools.count(1)


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


@pytest.fixture
def key() -> VirtualKey:
    return issuing.issue("team")[0]


def calls(number: int, ago: float = 60, **facts: Any) -> None:
    """The newest of them `ago` seconds before now, a millisecond apart."""
    now = time.time() - ago
    usual: dict[str, Any] = {"status": "ok", "provider": "openai", "model_served": "gpt-4o-mini", "input_tokens": 10}
    usual |= {"output_tokens": 5, "cost_usd": Decimal("0.01")}
    UsageRecord.objects.bulk_create(
        UsageRecord(id=id_of(now - index / 1000), at=datetime.fromtimestamp(now, UTC), **{**usual, **facts})
        for index in range(number)
    )


def id_of(at: float) -> UUID:
    """An id of this moment, as no other call has it."""
    return UUID(int=first_id(at).int + next(NUMBERS))


def page_of(client: Client, owner: VirtualKey | Project, since: str = "") -> Any:
    kind = "key" if isinstance(owner, VirtualKey) else "project"
    return client.get(reverse("admin:cache_admin_usagerecord_of", args=[kind, owner.pk]), {"since": since})


def test_a_keys_page_tells_its_sums_its_models_and_its_last_calls(client: Client, key: VirtualKey) -> None:
    calls(3, key_id=key.pk, model_asked="openai/gpt-4o-mini")
    calls(1, ago=50, key_id=key.pk, model_served="gpt-4o", cost_usd=Decimal("1.5"))
    calls(1, ago=40, key_id=key.pk, status="upstream_error", error_message="no luck", cost_usd=None, output_tokens=None)
    calls(1, ago=30, key_id=key.pk, cache="hit")
    calls(5, ago=20, key_id="another")
    page = page_of(client, key)
    total, lines = page.context["total"], page.context["lines"]
    assert (total["calls"], total["failed"], total["hits"], total["cost_usd"]) == (6, 1, 1, Decimal("1.53"))
    assert [(line["name"], line["calls"]) for line in lines] == [("openai/gpt-4o", 1), ("openai/gpt-4o-mini", 5)]
    text = page.content.decode()
    assert "no luck" in text
    assert text.count("/change/") >= 6
    assert "$1.53" in text


def test_a_projects_page_counts_the_calls_of_all_its_keys(client: Client) -> None:
    project = Project.objects.create(name="search")
    calls(2, key_id="a", project_id=project.pk)
    calls(1, ago=30, key_id="b", project_id=project.pk)
    assert page_of(client, project).context["total"]["calls"] == 3


@pytest.mark.parametrize(("since", "counted"), [("", 1), ("24h", 1), ("7d", 2), ("30d", 3), ("1y", 1)])
def test_the_time_is_a_day_a_week_or_a_month(client: Client, key: VirtualKey, since: str, counted: int) -> None:
    for days in (0, 3, 20, 40):
        calls(1, ago=days * DAY + 60, key_id=key.pk)
    assert page_of(client, key, since).context["total"]["calls"] == counted


def test_a_page_without_calls_says_so(client: Client, key: VirtualKey) -> None:
    assert "No calls in this time" in page_of(client, key).content.decode()


def test_more_calls_than_are_summed_are_told_by_the_newest(
    client: Client, key: VirtualKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spent, "MOST_CALLS", 10)
    calls(15, key_id=key.pk)
    page = page_of(client, key)
    assert page.context["total"]["calls"] == 10
    assert "newest 10 calls" in page.content.decode()


def test_the_page_needs_the_right_to_see_the_log_and_an_owner_that_there_is(client: Client, key: VirtualKey) -> None:
    assert client.get("/admin/cache_admin/usagerecord/of/key/nobody/").status_code == 404
    assert client.get(f"/admin/cache_admin/usagerecord/of/user/{key.pk}/").status_code == 404
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_virtualkey"))
    client.force_login(clerk)
    assert page_of(client, key).status_code == 403


def test_a_key_among_many_calls_is_summed_by_index(key: VirtualKey) -> None:
    """At 1,000,000 rows, 125,000 of them the key's, 0.14 s for 30 days, and 0.03 s for one."""
    calls(20, key_id=key.pk)
    for number in range(10):
        calls(200, ago=DAY * number, key_id=f"other {number}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cache_admin_usagerecord")
    found = spent.spent("key_id", key.pk, time.time() - 30 * DAY)
    assert (found.total["calls"], found.bounded) == (20, False)
    rows = UsageRecord.objects.filter(key_id=key.pk, id__gte=first_id(time.time() - 30 * DAY))
    assert "usage_key" in rows.order_by("-id")[: spent.LAST_CALLS].explain()


def test_the_usage_log_and_a_calls_page_mark_estimated_tokens(client: Client) -> None:
    log = reverse("admin:cache_admin_usagerecord_changelist")
    calls(1, output_tokens=7, status="client_disconnect")
    assert "10 / 7 estimated" not in client.get(log).content.decode()
    UsageRecord.objects.update(estimated=True)
    assert "10 / 7 estimated" in client.get(log).content.decode()
    row = UsageRecord.objects.get()
    text = client.get(reverse("admin:cache_admin_usagerecord_change", args=[row.pk])).content.decode()
    assert "yes: the tokens are ours, the provider told none" in text


def test_a_line_of_a_call_marks_estimated_tokens(client: Client, key: VirtualKey) -> None:
    calls(1, key_id=key.pk, output_tokens=7, estimated=True)
    text = client.get(reverse("admin:cache_admin_usagerecord_of", args=["key", key.pk])).content.decode()
    assert "10 in, 7 out estimated," in text
