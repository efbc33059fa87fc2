"""The page of the audit log: read by who may, changed by nobody, newest first."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from keys.administration import audit, issuing
from keys.ids import uuid7
from keys.models import AuditEntry
from tests.keys.admin.asking import ESCAPED, HOSTILE

pytestmark = pytest.mark.django_db
LIST = reverse("admin:keys_auditentry_changelist")
BY = audit.Actor("user", "clerk", "192.0.2.7")


@pytest.fixture(autouse=True)
def empty_log(operator: Client) -> None:
    """Without the entry of the login."""
    AuditEntry.objects.all().delete()


def note(action: str = "key.issued", actor: audit.Actor = BY, **changes: object) -> AuditEntry:
    return audit.note(actor, action, None, changes)


def listed(page: str) -> list[str]:
    return re.findall(r'href="/admin/keys/auditentry/([0-9a-f-]+)/change/', page)


def test_it_is_newest_first_and_pages_by_key(operator: Client) -> None:
    made = [note().pk for _ in range(120)]
    url, seen = LIST, []
    while url:
        page = operator.get(url).content.decode()
        seen += listed(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        url = LIST + html.unescape(following[1]) if following else ""
    assert seen == sorted(made, reverse=True)


def test_no_page_counts_the_log(operator: Client) -> None:
    note()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        operator.get(LIST)
    assert not [
        query for query in asked.captured_queries if "COUNT(" in query["sql"] and "keys_auditentry" in query["sql"]
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "key.issued"},
        {"actor": "clerk"},
        {"target": "keys.virtualkey"},
        {"since": "1h"},
        {"q": "team"},
        {"q": "clerk"},
    ],
)
def test_it_is_filtered_and_searched(operator: Client, asked: dict[str, str]) -> None:
    key, _ = issuing.issue("team")
    wanted = audit.note(BY, "key.issued", key)
    old = uuid7(int((datetime.now(UTC) - timedelta(days=2)).timestamp() * 1000), bytes(10))
    AuditEntry.objects.create(id=old, at=datetime.now(UTC), actor="other", action="login.failed")
    page = operator.get(LIST, asked).content.decode()
    assert listed(page) == [wanted.pk]


def test_an_entrys_page_tells_what_fields_were_and_became(operator: Client) -> None:
    entry = note(
        "budget.changed", amount={"from": "10", "to": "12"}, models=["a", "b"], inner={"x": {"from": 1, "to": 2}}
    )
    page = operator.get(reverse("admin:keys_auditentry_change", args=[entry.pk])).content.decode()
    for told in ("amount: 10 → 12", "x 1 → 2", "192.0.2.7", "budget.changed"):
        assert told in page
    assert "models: [&quot;a&quot;, &quot;b&quot;]" in page


def test_what_others_wrote_is_text(operator: Client) -> None:
    entry = note(name=HOSTILE)
    for url in (LIST, reverse("admin:keys_auditentry_change", args=[entry.pk])):
        assert HOSTILE not in operator.get(url).content.decode()
    assert ESCAPED in operator.get(reverse("admin:keys_auditentry_change", args=[entry.pk])).content.decode()


def test_nobody_adds_changes_or_deletes_an_entry(operator: Client) -> None:
    entry = note()
    change = reverse("admin:keys_auditentry_change", args=[entry.pk])
    assert operator.post(reverse("admin:keys_auditentry_add"), {"action": "x"}).status_code == 403
    assert operator.post(change, {"action": "x"}).status_code == 403
    assert operator.post(reverse("admin:keys_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    operator.post(LIST, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.get().action == "key.issued"
