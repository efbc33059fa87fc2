"""Budgets at /v1/admin/budgets: whose they are, how much is used, begun anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cache_admin.models import UsageRecord
from keys.ids import new_id
from keys.models import AuditEntry, Budget, Project, Role
from tests.proxy_api.control.asking import Admin


def spent(key: dict[str, Any], usd: str) -> None:
    UsageRecord.objects.create(
        id=new_id(), at=datetime.now(UTC), status="ok", key_id=key["id"], attempts=1, cost_usd=Decimal(usd)
    )


def test_a_budget_tells_what_is_used_of_it_and_begins_anew(admin: Admin) -> None:
    key = admin.post("keys", {"name": "ci"}).made()
    spent(key, "1.25")
    budget = admin.post("budgets", {"key": "ci", "amount": 5, "period": "day"}).made()
    assert (budget["amount"], budget["unit"], budget["period"]) == ("5", "usd", "day")
    assert (budget["key"], budget["project"], budget["thresholds"]) == (key["id"], None, [80, 100])
    assert (budget["use"]["used"], budget["use"]["held"]) == ("1.25", "0")
    assert budget["use"]["start"].endswith("T00:00:00Z")
    time.sleep(0.01)
    begun = admin.post(f"budgets/{budget['id']}/reset").made()
    assert begun["use"]["used"] == "0"
    assert begun["use"]["start"] == begun["reset_at"]
    assert admin.delete(f"budgets/{budget['id']}").status == 204
    actions = AuditEntry.objects.filter(action__startswith="budget.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["budget.added", "budget.reset", "budget.deleted"]


def test_a_list_tells_the_use_of_each(admin: Admin) -> None:
    keys = [admin.post("keys", {"name": name}).made() for name in ("a", "b", "c")]
    for number, key in enumerate(keys):
        spent(key, str(number))
        admin.post("budgets", {"key": key["id"], "amount": 5, "unit": "usd"})
        admin.post("budgets", {"key": key["id"], "amount": 50, "unit": "requests"})
    rows = admin.get("budgets").json()["data"]
    assert [row["use"]["used"] for row in reversed(rows)] == ["0", "1", "1", "1", "2", "1"]
    assert len(admin.get("budgets?key=b").json()["data"]) == 2


def test_budgets_are_of_a_key_a_project_or_the_installation(admin: Admin) -> None:
    Project.objects.create(name="search")
    admin.post("keys", {"name": "ci"})
    for body in ({"key": "ci"}, {"project": "search"}, {}):
        assert admin.post("budgets", {**body, "amount": 1}).status == 201
        assert admin.post("budgets", {**body, "amount": 2}).refused() == (400, "period")
    assert [row["project"] for row in admin.get("budgets?of=installation").json()["data"]] == [None]
    assert len(admin.get("budgets?project=search").json()["data"]) == 1
    assert admin.post("budgets", {"key": "ci", "project": "search", "amount": 1}).refused() == (400, "project")


def test_only_who_may_change_the_installations_limits_writes_its_budgets(
    admin: Admin, admin_of: Callable[[Role], Admin]
) -> None:
    manager = admin_of(Role.KEY_MANAGER)
    whole = admin.post("budgets", {"amount": 1}).made()["id"]
    manager.post("keys", {"name": "ci"})
    own = manager.post("budgets", {"key": "ci", "amount": 1, "period": "day"}).made()["id"]
    tries = [
        manager.post("budgets", {"amount": 9, "period": "day"}),
        manager.patch(f"budgets/{whole}", {"amount": 9}),
        manager.patch(f"budgets/{whole}", {"key": "ci"}),
        manager.patch(f"budgets/{own}", {"key": None}),
        manager.post(f"budgets/{whole}/reset"),
    ]
    assert [(one.status, one.error()["code"]) for one in tries] == [(403, "role_not_allowed")] * 5
    rows = [
        (row["id"], row["key"] is None, row["amount"], row["reset_at"]) for row in admin.get("budgets").json()["data"]
    ]
    assert rows == [(own, False, "1", None), (whole, True, "1", None)]
    assert admin.patch(f"budgets/{whole}", {"amount": 2}).made()["amount"] == "2"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "0.0000001"}, "amount"),
        ({"amount": 1.5, "unit": "tokens"}, "amount"),
        ({"amount": 1, "unit": "eur"}, "unit"),
        ({"amount": 1, "period": "year"}, "period"),
        ({"amount": 1, "key": "nobody"}, "key"),
        ({"amount": 1, "thresholds": [0]}, "thresholds"),
        ({"amount": 1, "thresholds": ["x"]}, "thresholds[0]"),
        ({"amount": 1, "alert_email": "nobody"}, "alert_email"),
        ({"amount": 1, "alert_webhook": "http://169.254.169.254/"}, "alert_webhook"),
        ({"amount": 1, "reset_at": None}, "reset_at"),
        ({"amount": 1, "use": {}}, "use"),
    ],
)
def test_a_mistake_is_answered_with_its_parameter(admin: Admin, body: dict[str, object], param: str) -> None:
    assert admin.post("budgets", body).refused() == (400, param)
    assert not Budget.objects.exists()


def test_a_patch_may_not_make_two_budgets_of_one(admin: Admin) -> None:
    day = admin.post("budgets", {"amount": 1, "period": "day"}).made()
    admin.post("budgets", {"amount": 1, "period": "week"})
    assert admin.patch(f"budgets/{day['id']}", {"period": "week"}).refused() == (400, "period")
    assert admin.patch(f"budgets/{day['id']}", {"amount": "0.5"}).made()["amount"] == "0.5"
