"""Usage with its sums, and the audit log, as /v1/admin/ tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cache_admin.models import UsageBody, UsageRecord
from cache_admin.sealed import seal_body
from keys.ids import uuid7
from keys.models import AuditEntry
from tests.proxy_api.control.asking import Admin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_OF_NOON = "since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z"


def call(number: int = 0, at: datetime = NOON, **fields: Any) -> UsageRecord:
    """A call begun at `at`: of several at one moment, the one of the highest number is the newest."""
    name = uuid7(int(at.timestamp() * 1000), number.to_bytes(10, "big"))
    given = {"status": "ok", "key_id": "k1", "key_name": "ci", "attempts": 1, "provider": "openai", **fields}
    return UsageRecord.objects.create(id=UUID(name), at=at, **given)


def test_calls_of_one_moment_are_listed_once_each_over_all_pages(admin: Admin) -> None:
    made = [str(call(number).id) for number in range(7)]
    assert admin.pages("usage", 3) == list(reversed(made))
    assert admin.get(f"usage/{made[0]}").made()["key_id"] == "k1"


def test_a_call_says_whether_its_tokens_are_estimated_and_sums_include_them(admin: Admin) -> None:
    tokens = {"input_tokens": 5, "output_tokens": 2, "cost_usd": Decimal("0.5")}
    told, ours = call(1, **tokens), call(2, estimated=True, status="client_disconnect", **tokens)
    assert [admin.get(f"usage/{row.id}").made()["estimated"] for row in (told, ours)] == [False, True]
    [line] = admin.get("usage/summary?by=key&since=2026-03-01T12:00:00Z&until=2026-03-02T00:00:00Z").json()["sums"]
    assert (line["calls"], line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (2, 10, 4, "1")


def test_calls_are_found_by_what_they_are(admin: Admin) -> None:
    call(1, model_asked="smart", model_served="gpt-4o", cache="hit")
    call(2, key_id="k2", project_id="p", provider="anthropic", status="error", at=NOON + timedelta(hours=1))
    queries = {
        "key=k1": [1], "key=k2": [2], "project=p": [2], "model=smart": [1], "model=gpt-4o": [1],
        "provider=anthropic": [2], "status=error": [2], "cache=hit": [1], "key=k3": [],
        "since=2026-03-01T12:30:00Z": [2], "until=2026-03-01T12:30:00Z": [1],
    }  # fmt: skip
    for query, numbers in queries.items():
        found = admin.get(f"usage?{query}").json()["data"]
        assert [UUID(row["id"]).int & 0xFF for row in found] == numbers, query


def test_calls_are_found_by_the_name_of_their_key_or_project_as_well(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()["id"]
    project = admin.post("projects", {"name": "docs"}).made()["id"]
    call(1, key_id=key)
    call(2, project_id=project)
    for query, number in ({"key=search": 1, f"key={key}": 1, "project=docs": 2, f"project={project}": 2}).items():
        [found] = admin.get(f"usage?{query}").json()["data"]
        assert UUID(found["id"]).int & 0xFF == number, query
        assert [one["calls"] for one in admin.get(f"usage/summary?{query}&{DAY_OF_NOON}").json()["sums"]] == [1]


def test_bodies_are_told_to_who_may_read_them_and_that_is_written_down(admin: Admin) -> None:
    row = call()
    assert admin.get(f"usage/{row.id}/bodies").status == 404
    sealed = seal_body(str(row.id), "request", b'{"messages": []}')
    UsageBody.objects.create(id=row.id, request_sealed=sealed, answer_sealed=b"")
    told = admin.get(f"usage/{row.id}/bodies").made()
    assert told == {"request": '{"messages": []}', "answer": None}
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_id, entry.actor) == ("body.viewed", str(row.id), "admin of the test")
    UsageBody.objects.update(answer_sealed=sealed)
    assert admin.get(f"usage/{row.id}/bodies").error()["code"] == "sealed"


@pytest.mark.parametrize("query", ["since=yesterday", "after=nobody", "limit=0", "prompt=x"])
def test_a_query_that_is_none_is_refused_by_its_name(admin: Admin, query: str) -> None:
    assert admin.get(f"usage?{query}").refused() == (400, query.partition("=")[0])


@pytest.mark.parametrize(("query", "param"), [("until=0001-01-05T00:00:00Z", "until"), ("since=2020-01-01", "since")])
def test_sums_of_no_such_time_or_of_too_much_are_refused(admin: Admin, query: str, param: str) -> None:
    assert admin.get(f"usage/summary?{query}").refused() == (400, param)


def test_sums_are_by_key_project_model_or_day(admin: Admin) -> None:
    tokens = {"input_tokens": 10, "output_tokens": 5}
    call(1, **tokens, cost_usd=Decimal("0.5"), model_served="gpt-4o", project_id="p", project_name="search")
    call(2, **tokens, cost_usd=Decimal("0.25"), model_asked="gpt-4o", cache="stored", at=NOON + timedelta(days=1))
    call(3, **tokens, cost_usd=Decimal("0.5"), cache="hit", key_id="k2", key_name="app")
    call(4, **tokens, status="error", key_id="k2", key_name="application", provider="")
    period = "since=2026-03-01T00:00:00Z&until=2026-03-03T00:00:00Z"
    by = {name: admin.get(f"usage/summary?by={name}&{period}").made() for name in ("key", "project", "model", "day")}
    assert by["key"]["sums"] == [
        {
            "id": "k1", "name": "ci", "calls": 2, "failed": 0, "hits": 0, "input_tokens": 20, "output_tokens": 10,
            "cost_usd": "0.75", "unpriced": 0,
        },
        {
            "id": "k2", "name": "application", "calls": 2, "failed": 1, "hits": 1, "input_tokens": 10,
            "output_tokens": 5, "cost_usd": "0", "unpriced": 1,
        },
    ]  # fmt: skip
    assert [(line["id"], line["name"], line["calls"]) for line in by["project"]["sums"]] == [
        ("", "", 3),
        ("p", "search", 1),
    ]
    assert {line["id"]: line["calls"] for line in by["model"]["sums"]} == {"openai/gpt-4o": 2, "openai/": 1, "": 1}
    assert [(line["id"], line["calls"]) for line in by["day"]["sums"]] == [("2026-03-01", 3), ("2026-03-02", 1)]


def test_sums_are_of_the_last_thirty_days_and_never_of_more_than_a_hundred(admin: Admin) -> None:
    call(1, at=datetime.now(UTC) - timedelta(days=29))
    call(2, at=datetime.now(UTC) - timedelta(days=31))
    assert [line["calls"] for line in admin.get("usage/summary?by=key").made()["sums"]] == [1]
    assert admin.get("usage/summary?since=2020-01-01T00:00:00Z").refused() == (400, "since")
    assert admin.get("usage/summary?by=colour").refused() == (400, "by")
    assert admin.get("usage/summary?key=nobody").made()["sums"] == []


def test_the_audit_log_is_read_by_who_and_what(admin: Admin) -> None:
    key = admin.post("keys", {"name": "ci"}).made()
    admin.post(f"keys/{key['id']}/revoke")
    admin.post("projects", {"name": "search"})
    assert len(admin.pages("audit", 1)) == AuditEntry.objects.count() == 3
    (entry,) = admin.get(f"audit?target_id={key['id']}&action=key.revoked").json()["data"]
    assert (entry["actor_kind"], entry["actor"], entry["address"]) == ("admin_key", "admin of the test", "127.0.0.1")
    assert len(admin.get("audit?target_type=keys.virtualkey&actor=admin of the test").json()["data"]) == 2
    assert admin.get("audit?since=2100-01-01T00:00:00Z").json()["data"] == []


def test_the_logs_are_read_and_no_more(admin: Admin) -> None:
    for path in ("usage", "audit", "usage/summary"):
        answer = admin.post(path, {})
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
