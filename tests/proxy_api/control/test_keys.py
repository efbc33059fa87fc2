"""The life of a key at /v1/admin/keys, and of an admin key."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from keys import freshness
from keys.models import ANONYMOUS, AuditEntry, Project, VirtualKey
from tests.keys.asking import works
from tests.proxy_api.control.asking import WRONG, Admin, ask

EVERYTHING = {
    "name": "search",
    "owner": "team search",
    "tags": ["prod"],
    "note": "asked for by Ann",
    "models": ["openai/*"],
    "providers": ["openai"],
    "endpoints": ["chat/completions"],
    "networks": ["10.0.0.0/8"],
    "strict": True,
    "fail_open": True,
    "requests_per_minute": 10,
    "tokens_per_minute": 1000,
    "concurrent_requests": 2,
    "log_bodies": "none",
    "cache_mode": "never",
    "cache_scope": "everyone",
    "seal_to_caller": True,
}


def test_a_key_is_issued_with_its_token_shown_once(admin: Admin) -> None:
    answer = admin.post("keys", EVERYTHING)
    key = answer.made()
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"dgm_[0-9A-Za-z]{49}", key["token"])
    assert {name: key[name] for name in EVERYTHING} == EVERYTHING
    assert works(key["token"])
    read = admin.get(f"keys/{key['id']}")
    assert read.made() == {name: value for name, value in key.items() if name != "token"}
    assert key["token"] not in str(list(AuditEntry.objects.values()))


def test_a_patch_changes_what_it_names_and_nothing_else(admin: Admin) -> None:
    key = admin.post("keys", {**EVERYTHING, "expires_at": "2100-01-31"}).made()
    assert key["expires_at"].startswith("2100-01-31T23:59:59")
    changed = admin.patch(f"keys/{key['id']}", {"requests_per_minute": None, "expires_at": None, "tags": []}).made()
    expected = {**{name: key[name] for name in changed}, "requests_per_minute": None, "expires_at": None, "tags": []}
    assert changed == expected
    entry = AuditEntry.objects.get(action="key.changed")
    assert set(entry.changes) == {"requests_per_minute", "expires_at", "tags"}
    assert entry.changes["requests_per_minute"] == [10, None]
    assert (entry.actor_kind, entry.actor, entry.target_id) == ("admin_key", "admin of the test", key["id"])


def test_a_patch_that_changes_nothing_writes_nothing(admin: Admin) -> None:
    key = admin.post("keys", EVERYTHING).made()
    entries = AuditEntry.objects.count()
    assert admin.patch(f"keys/{key['id']}", EVERYTHING).status == 200
    assert AuditEntry.objects.count() == entries


def test_a_key_is_switched_off_and_on(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()
    assert admin.patch(f"keys/{key['id']}", {"enabled": False}).made()["state"] == "off"
    assert not works(key["token"])
    assert admin.patch(f"keys/{key['id']}", {"enabled": True}).made()["state"] == "active"
    assert works(key["token"])


def test_a_rotated_key_has_both_secrets_for_the_grace(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()
    rotated = admin.post(f"keys/{key['id']}/rotate", {"grace_seconds": 60}).made()
    assert works(key["token"])
    assert works(rotated["token"])
    assert rotated["previous_last_four"] == key["token"][-4:]
    newest = admin.post(f"keys/{key['id']}/rotate", {"grace_seconds": 0}).made()
    assert [works(one["token"]) for one in (key, rotated, newest)] == [False, False, True]
    assert AuditEntry.objects.filter(action="key.rotated").count() == 2


def test_an_edit_made_beside_a_rotation_does_not_undo_it(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()
    rotated = admin.post(f"keys/{key['id']}/rotate", {"grace_seconds": 0}).made()
    admin.patch(f"keys/{key['id']}", {"note": "changed"})
    assert (works(key["token"]), works(rotated["token"])) == (False, True)


def test_a_revoked_key_stays_revoked_and_is_not_rotated(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()
    first = admin.post(f"keys/{key['id']}/revoke").made()
    assert first["state"] == "revoked"
    assert admin.post(f"keys/{key['id']}/revoke").made()["revoked_at"] == first["revoked_at"]
    assert not works(key["token"])
    assert admin.post(f"keys/{key['id']}/rotate").error()["code"] == "not_rotated"
    assert AuditEntry.objects.filter(action="key.revoked").count() == 1


def test_the_built_in_key_has_no_secret_to_rotate(admin: Admin) -> None:
    assert admin.post(f"keys/{ANONYMOUS}/rotate", {}).status == 409


def test_a_key_is_put_into_a_project_by_its_name_or_id(admin: Admin) -> None:
    project = Project.objects.create(name="search")
    for named in (project.name, project.id):
        assert admin.post("keys", {"name": "ci", "project": named}).made()["project"] == project.id
    assert admin.post("keys", {"name": "ci", "project": "nobody"}).refused() == (400, "project")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "requests_per_minute": 0}, "requests_per_minute"),
        ({"name": "x", "tokens_per_minute": "many"}, "tokens_per_minute"),
        ({"name": "x", "models": "openai/*"}, "models"),
        ({"name": "x", "models": ["a b"]}, "models"),
        ({"name": "x", "models": ["ok", ""]}, "models[1]"),
        ({"name": "x", "networks": ["10.0.0.0/99"]}, "networks"),
        ({"name": "x", "endpoints": ["/v1/chat/completions"]}, "endpoints"),
        ({"name": "x", "providers": ["opanai"]}, "providers"),
        ({"name": "x", "expires_at": "2001-01-01"}, "expires_at"),
        ({"name": "x", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "enabled": "perhaps"}, "enabled"),
        ({"name": "x", "log_bodies": "some"}, "log_bodies"),
        ({"name": "x", "cache_scope": "project"}, "cache_scope"),
        ({"name": "x", "project": 5}, "project"),
        ({"name": "x", "digest": "0" * 64}, "digest"),
        ({"name": "x", "id": "mine"}, "id"),
        ({"name": "x", "revoked_at": None}, "revoked_at"),
        ({"name": "x\x00"}, "name"),
    ],
)
def test_a_mistake_is_answered_with_its_parameter_and_no_key_is_issued(
    admin: Admin, body: dict[str, object], param: str
) -> None:
    before = VirtualKey.objects.count()
    assert admin.post("keys", body).refused() == (400, param)
    assert VirtualKey.objects.count() == before


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[]", 400), (b"{", 400), (b'{"name": "x", "name": "y"}', 400), (b'{"name": "x' + b"y" * (1 << 20) + b'"}', 413)],
)
def test_a_body_that_is_no_object_is_refused(admin: Admin, body: bytes, status: int) -> None:
    assert admin.post("keys", body).refused() == (status, None)


def test_an_act_that_takes_no_parameters_is_given_none(admin: Admin) -> None:
    key = admin.post("keys", {"name": "search"}).made()
    assert admin.post(f"keys/{key['id']}/revoke", {"why": "x"}).refused() == (400, "why")
    assert admin.post(f"keys/{key['id']}/rotate", {"grace_seconds": -1}).refused() == (400, "grace_seconds")
    assert admin.get(f"keys/{key['id']}").made()["state"] == "active"


def test_keys_are_listed_page_by_page_although_they_are_all_alike(admin: Admin) -> None:
    now = timezone.now()
    made = [VirtualKey.objects.create(name="alike", digest=str(number), created_at=now).id for number in range(7)]
    assert admin.pages("keys?name=alike", 3) == sorted(made, reverse=True)
    page = admin.get("keys?name=alike&limit=3").json()
    assert (page["object"], page["first_id"], page["last_id"]) == ("list", page["data"][0]["id"], page["data"][2]["id"])


def test_a_key_issued_between_two_pages_moves_none_of_them(admin: Admin) -> None:
    for number in range(4):
        VirtualKey.objects.create(name="alike", digest=str(number))
    first = admin.get("keys?name=alike&limit=2").json()
    VirtualKey.objects.create(name="alike", digest="later")
    second = admin.get(f"keys?name=alike&limit=2&after={first['last_id']}").json()
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}
    assert not second["has_more"]


def test_keys_are_found_by_state_project_owner_and_name(admin: Admin) -> None:
    past, project = timezone.now() - timedelta(days=1), Project.objects.create(name="search")
    rows = {
        "active": VirtualKey.objects.create(name="a", digest="1", owner="Ann", project=project),
        "off": VirtualKey.objects.create(name="b", digest="2", owner="Ann", enabled=False),
        "expired": VirtualKey.objects.create(name="c", digest="3", owner="Ann", expires_at=past),
        "revoked": VirtualKey.objects.create(name="d", digest="4", owner="Ann", revoked_at=past),
    }
    for state, row in rows.items():
        (found,) = admin.get(f"keys?owner=Ann&state={state}").json()["data"]
        assert (found["id"], found["state"]) == (row.id, state)
    for query in ("project=search", f"project={project.id}", "name=A&owner=Ann"):
        assert [row["id"] for row in admin.get(f"keys?{query}").json()["data"]] == [rows["active"].id]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "state=lost", "after=%00", "colour=red"])
def test_a_query_that_is_none_is_refused_by_its_name(admin: Admin, query: str) -> None:
    assert admin.get(f"keys?{query}").refused() == (400, query.partition("=")[0])


def test_an_admin_key_is_issued_used_and_revoked_by_another_one(admin: Admin) -> None:
    made = admin.post("admin_keys", {"name": "ci", "role": "log_reader"}).made()
    other = Admin(made["token"])
    assert other.get("usage").status == 200
    assert made["token"] not in str(admin.get("admin_keys").json())
    assert admin.post(f"admin_keys/{made['id']}/revoke").made()["state"] == "revoked"
    freshness.check_now()
    assert other.get("usage").error() == WRONG
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["admin_key.issued", "admin_key.revoked"]


@pytest.mark.parametrize(
    ("body", "param"), [({"name": "ci"}, "role"), ({"name": "ci", "role": "god"}, "role"), ({"role": "admin"}, "name")]
)
def test_an_admin_key_needs_a_name_and_a_role(admin: Admin, body: dict[str, object], param: str) -> None:
    assert admin.post("admin_keys", body).refused() == (400, param)


def test_nothing_but_an_admin_key_opens_the_door(admin: Admin) -> None:
    token = admin.post("keys", {"name": "search"}).made()["token"]
    assert Admin(token).get("keys").error() == WRONG
    assert ask("GET", "keys").status == 401
    assert ask("GET", "keys", HTTP_COOKIE="sessionid=anything").status == 401
    assert ask("GET", "keys", HTTP_AUTHORIZATION=f"Basic {admin.token}").error() == WRONG
