"""The cache at /v1/admin/completions: told without bodies, acted on, carried out and in by who may."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from cache_admin import spool
from cache_admin.completions import find
from cache_admin.models import Removal, StoredCompletion
from cache_admin.sealed import Slot
from keys.models import AuditEntry, Project
from tests.cache_admin.entries import cached, completions, keep, ship
from tests.proxy_api.control.asking import Admin

pytestmark = pytest.mark.django_db(transaction=True)
LINE = {"endpoint": "chat/completions", "request": {"model": "openai/gpt", "messages": []}, "answer": {"choices": []}}


@pytest.fixture(autouse=True)
def own_spool(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.DRAGOMAN_SPOOL_DIR = tmp_path / "spool"
    yield
    spool.own().close()


def text_of(*said: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in said)


def ids(admin: Admin, query: str = "") -> list[str]:
    return [row["id"] for row in admin.get(f"completions?{query}").made()["data"]]


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_a_completion_is_told_with_all_but_what_was_said(admin: Admin) -> None:
    digest = cached("my secret question", "my secret answer")
    StoredCompletion.objects.update(cost_usd=Decimal("0.25"), input_tokens=10)
    told = admin.get(f"completions/{digest}")
    row = told.made()
    assert (row["id"], row["model"], row["key_name"], row["cost_usd"]) == (digest, "gpt", "mine", "0.25")
    assert (row["hits"], row["pinned"], row["cassette"], row["input_tokens"]) == (0, False, False, 10)
    assert admin.get("completions").made()["data"] == [row]
    assert not [name for name in row if "sealed" in name and name != "sealed_to_caller"]
    assert b"secret" not in told.body
    assert actions() == []


def test_the_newest_come_first_page_by_page_through_equal_moments(admin: Admin) -> None:
    old = completions(3, seconds=500)
    new = completions(4, seconds=600)
    expected = sorted(new, reverse=True) + sorted(old, reverse=True)
    assert admin.pages("completions", 2) == expected
    assert admin.get(f"completions?after={'ab' * 32}").refused() == (400, "after")


def test_completions_are_found_by_what_they_are(admin: Admin) -> None:
    project = Project.objects.create(name="search")
    (plain,) = completions(1, seconds=600)
    (other,) = completions(
        1, seconds=-10, model="llama", provider="groq", endpoint="embeddings", key_id="k2", project_id=project.pk
    )
    (pinned,) = completions(1, seconds=700, pinned=True, kept_until=None)
    (recorded,) = completions(1, seconds=800, cassette=True, kept_until=None)
    StoredCompletion.objects.filter(pk=plain).update(created_at=timezone.now() - timedelta(days=9))
    for query, wanted in (
        ("model=llama", [other]),
        ("provider=groq&endpoint=embeddings&key=k2", [other]),
        ("project=search", [other]),
        (f"project={project.pk}&state=fresh", []),
        ("state=expired", [other]),
        ("state=pinned", [pinned]),
        ("state=cassette", [recorded]),
        (f"until={(timezone.now() - timedelta(days=8)):%Y-%m-%dT%H:%M:%SZ}", [plain]),
        (f"since={(timezone.now() - timedelta(days=8)):%Y-%m-%dT%H:%M:%SZ}&key=k1", [recorded, pinned]),
    ):
        assert ids(admin, query) == wanted, query
    assert admin.get("completions?state=odd").refused() == (400, "state")


def test_a_completion_is_pinned_noted_ended_and_deleted(admin: Admin) -> None:
    digest = cached()
    where = f"completions/{digest}"
    row = admin.patch(where, {"pinned": True, "note": "for the demo"}).made()
    assert (row["pinned"], row["note"], row["kept_until"]) == (True, "for the demo", None)
    assert admin.patch(where, {"pinned": False}).made()["kept_until"] is not None
    slot = Slot(bytes.fromhex(digest), "key:1")
    assert find(slot, time.time()) is not None
    assert admin.post(f"{where}/expire").made()["expires_at"] <= timezone.now().isoformat()
    assert find(slot, time.time()) is None
    assert admin.delete(where).status == 204
    assert admin.get(where).status == 404
    done = ["noted", "pinned", "unpinned", "expired", "purged"]
    assert actions() == [f"completion.{one}" for one in done]


@pytest.mark.parametrize(
    ("change", "param"),
    [({"hits": 5}, "hits"), ({"pinned": "maybe"}, "pinned"), ({"note": "x" * 1001}, "note"), ({"id": "x"}, "id")],
)
def test_what_is_no_ones_to_set_is_refused_by_its_name(admin: Admin, change: dict[str, Any], param: str) -> None:
    assert admin.patch(f"completions/{cached()}", change).refused() == (400, param)


def test_bodies_are_told_to_who_may_read_them_and_that_is_written_down(admin: Admin) -> None:
    digest = cached("Which sea?", "The Baltic.")
    told = admin.get(f"completions/{digest}/bodies").made()
    assert json.loads(told["request"])["messages"][0]["content"] == "Which sea?"
    assert json.loads(told["answer"])["choices"][0]["message"]["content"] == "The Baltic."
    assert (AuditEntry.objects.get().action, AuditEntry.objects.get().target_id) == ("body.viewed", digest)


def test_what_is_sealed_to_its_caller_does_not_open(admin: Admin) -> None:
    digest = keep(1, at=time.time(), caller_key=bytes(range(32)))
    ship(time.time())
    refused = admin.get(f"completions/{digest}/bodies")
    assert (refused.status, refused.error()["code"]) == (409, "sealed")
    assert admin.get("completions/export").body == b""


def test_a_cassette_goes_out_and_comes_in_elsewhere(admin: Admin) -> None:
    first, second = (Project.objects.create(name=name) for name in ("ci", "elsewhere"))
    lines = text_of(LINE, {**LINE, "endpoint": "embeddings"})
    assert admin.post("completions/import?project=ci", lines).made() == {
        "imported": 2,
        "unchanged": 0,
        "dry_run": False,
    }
    keep(7, at=time.time())
    ship(time.time())
    out = admin.get(f"completions/export?project={first.pk}&state=cassette")
    assert (out.status, out.headers["content-type"], out.headers["cache-control"]) == (
        200,
        "application/jsonl",
        "no-store",
    )
    assert {json.loads(line)["endpoint"] for line in out.body.splitlines()} == {"chat/completions", "embeddings"}
    there = f"completions/import?project={second.pk}"
    assert admin.post(f"{there}&dry_run=true", out.body).made() == {"imported": 2, "unchanged": 0, "dry_run": True}
    assert StoredCompletion.objects.filter(project_id=second.pk).count() == 0
    assert admin.post(there, out.body).made()["imported"] == 2
    assert admin.post(there, out.body).made() == {"imported": 0, "unchanged": 2, "dry_run": False}
    assert actions().count("completion.imported") == 3
    assert actions().count("completion.exported") == 1


@pytest.mark.parametrize("query", ["", "&dry_run=true"])
def test_a_file_with_wrong_lines_is_refused_with_all_of_them(admin: Admin, query: str) -> None:
    Project.objects.create(name="ci")
    body = text_of(LINE) + b"{\n" + text_of({**LINE, "endpoint": ""})
    error = admin.post(f"completions/import?project=ci{query}", body).error()
    assert error["code"] == "invalid_lines"
    assert error["message"] == "Nothing was imported: line 2: it is no JSON; line 3: its endpoint is missing."
    assert not StoredCompletion.objects.exists()
    assert actions() == []


def test_an_import_names_its_project_and_is_the_file_itself(admin: Admin, settings: Settings) -> None:
    Project.objects.create(name="ci")
    assert admin.post("completions/import", text_of(LINE)).refused() == (400, "project")
    assert admin.post("completions/import?project=nobody", text_of(LINE)).refused() == (400, "project")
    curl = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}  # what --data-binary says where nobody says more
    assert admin.ask("POST", "completions/import?project=ci", text_of(LINE), **curl).status == 200
    parts = {"CONTENT_TYPE": "multipart/form-data; boundary=x"}
    assert admin.ask("POST", "completions/import?project=ci", text_of(LINE), **parts).status == 415
    settings.DRAGOMAN_MAX_BODY_BYTES = 100
    assert admin.post("completions/import?project=ci", text_of(LINE, LINE)).status == 413


def test_what_is_chosen_is_purged_and_counted(admin: Admin) -> None:
    completions(2, seconds=600, model="old", size=100)
    (pinned,) = completions(1, seconds=600, model="old", pinned=True, kept_until=None)
    (other,) = completions(1, seconds=600)
    found = {"found": 2, "bytes": 200, "unfinished": False}
    assert admin.post("completions/purge", {"model": "old", "dry_run": True}).made() == {
        **found,
        "purged": 0,
        "dry_run": True,
    }
    assert StoredCompletion.objects.count() == 4
    assert admin.post("completions/purge", {"model": "old"}).made() == {**found, "purged": 2, "dry_run": False}
    assert set(StoredCompletion.objects.values_list("pk", flat=True)) == {pinned, other}
    assert admin.post("completions/purge", {"everything": True, "pinned_too": True}).made()["purged"] == 2
    (row,) = admin.get("completions/removals").made()["data"]
    assert (row["day"], row["reason"], row["completions"], row["bytes"]) == (
        f"{timezone.now():%Y-%m-%d}",
        "chosen",
        4,
        200,
    )
    changes = AuditEntry.objects.order_by("id")[0].changes
    assert (changes["model"], changes["count"]) == ("old", 2)


@pytest.mark.parametrize("body", [{}, {"pinned_too": True}, {"dry_run": True}])
def test_a_purge_of_nothing_in_particular_is_refused(admin: Admin, body: dict[str, Any]) -> None:
    completions(1, seconds=600)
    assert admin.post("completions/purge", body).refused() == (400, "everything")
    assert StoredCompletion.objects.count() == 1


def test_removals_are_told_newest_first_and_only_read(admin: Admin) -> None:
    for day, reason in ((1, "expired"), (1, "evicted"), (2, "expired")):
        Removal.objects.create(day=f"2026-03-0{day}", reason=reason, completions=day, size=10 * day)
    told = admin.get("completions/removals?limit=2").made()
    assert [(row["day"], row["reason"], row["bytes"]) for row in told["data"]] == [
        ("2026-03-02", "expired", 20),
        ("2026-03-01", "evicted", 10),
    ]
    assert told["has_more"]
    assert admin.post("completions/removals", {}).status == 405
