"""The lives of projects, issuers, aliases, prices and the installation's limits."""

from __future__ import annotations

import pytest

from cache_admin.models import Price, Source
from keys.models import AuditEntry, InstallationLimits, Project
from tests.proxy_api.control.asking import Admin

ISSUER = {"name": "sso", "issuer": "https://sso.example", "audience": "us", "jwks_url": "https://sso.example/jwks"}
ROWS = {
    "projects": (
        {"name": "search", "organization": "acme", "requests_per_minute": 5},
        {"enabled": False, "cassette": "replay"},
    ),
    "issuers": (ISSUER, {"audience": "them"}),
    "aliases": (
        {"name": "smart", "targets": ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]},
        {"targets": ["openai/gpt-5"]},
    ),
    "prices": ({"provider": "openai", "model": "gpt-9", "input": "1.5", "output": "2"}, {"cached": "0.25"}),
}
NOUNS = {"projects": "project", "issuers": "issuer", "aliases": "alias", "prices": "price"}


@pytest.mark.parametrize("plural", ROWS)
def test_a_row_is_made_read_listed_and_changed(admin: Admin, plural: str) -> None:
    given, change = ROWS[plural]
    made = admin.post(plural, given).made()
    assert {name: made[name] for name in given} == given
    where = f"{plural}/{made['id']}"
    assert admin.get(where).made() == made
    assert [row["id"] for row in admin.get(plural).json()["data"]] == [made["id"]]
    assert admin.patch(where, change).made() == {**made, **change}
    assert admin.get(where).made() == {**made, **change}
    assert [entry.action.partition(".")[2] for entry in AuditEntry.objects.order_by("id")] == ["added", "changed"]
    assert AuditEntry.objects.filter(action__startswith=NOUNS[plural]).count() == 2


@pytest.mark.parametrize("plural", ["issuers", "aliases", "prices"])
def test_a_row_that_nothing_names_is_deleted(admin: Admin, plural: str) -> None:
    made = admin.post(plural, ROWS[plural][0]).made()
    assert admin.delete(f"{plural}/{made['id']}").status == 204
    assert admin.get(f"{plural}/{made['id']}").status == 404
    assert AuditEntry.objects.filter(action=f"{NOUNS[plural]}.deleted").count() == 1


@pytest.mark.parametrize(
    "plural", ["keys", "projects", "budgets", "credentials", "issuers", "aliases", "prices", "usage", "completions"]
)
def test_every_unknown_id_gets_the_same_answer(admin: Admin, plural: str) -> None:
    ids = ("nobody", "0", "01890000-0000-7000-8000-000000000000", "9" * 40, "%00", "%F0%9F%98%80")
    answers = {(one.status, one.body) for one in (admin.get(f"{plural}/{name}") for name in ids)}
    assert len(answers) == 1
    assert admin.get(f"{plural}/nobody").error()["code"] == "not_found"


@pytest.mark.parametrize("plural", ["projects", "issuers", "aliases", "prices"])
def test_a_second_one_of_the_same_name_is_refused(admin: Admin, plural: str) -> None:
    given = ROWS[plural][0]
    assert admin.post(plural, given).status == 201
    assert admin.post(plural, given).status == 400


@pytest.mark.parametrize(
    ("plural", "change", "param"),
    [
        ("issuers", {"jwks_url": "http://sso.example/jwks"}, "jwks_url"),
        ("issuers", {"jwks_url": "https://10.0.0.1/jwks"}, "jwks_url"),
        ("issuers", {"projects": {"a": "b"}, "project_claim": "team"}, "projects.a"),
        ("issuers", {"projects": {"a\0": "b"}, "project_claim": "team"}, "projects"),
        ("issuers", {"default_project": "nobody"}, "default_project"),
        ("issuers", {"audience": None}, "audience"),
        ("aliases", {"targets": []}, "targets"),
        ("aliases", {"targets": ["nobody/x"]}, "targets"),
        ("aliases", {"name": "a*"}, "name"),
        ("prices", {"input": -1}, "input"),
        ("prices", {"input": "1e99"}, "input"),
        ("prices", {"source": "synced"}, "source"),
        ("projects", {"concurrent_requests": 0}, "concurrent_requests"),
        ("projects", {"cache_mode": "maybe"}, "cache_mode"),
        ("projects", {"cassette": "rewind"}, "cassette"),
    ],
)
def test_a_mistake_is_answered_with_its_parameter(
    admin: Admin, plural: str, change: dict[str, object], param: str
) -> None:
    assert admin.post(plural, {**ROWS[plural][0], **change}).refused() == (400, param)
    row = admin.post(plural, ROWS[plural][0]).made()
    assert admin.patch(f"{plural}/{row['id']}", change).refused() == (400, param)
    assert admin.get(f"{plural}/{row['id']}").made() == row


def test_a_project_of_an_issuer_needs_a_claim(admin: Admin) -> None:
    Project.objects.create(name="search")
    wrong = {**ISSUER, "projects": {"group-1": "search"}}
    assert admin.post("issuers", wrong).refused() == (400, "project_claim")
    assert admin.post("issuers", {**wrong, "project_claim": "groups"}).status == 201


def test_a_price_that_is_changed_is_the_operators_own(admin: Admin) -> None:
    row = Price.objects.create(provider="openai", model="gpt-9", input=1, output=2, source=Source.SYNCED)
    assert admin.patch(f"prices/{row.pk}", {"input": 3}).made()["source"] == "own"
    assert admin.get("prices?own=false").json()["data"] == []


def test_rows_are_found_by_their_names(admin: Admin) -> None:
    admin.post("projects", {"name": "search"})
    admin.post("projects", {"name": "chat"})
    assert [row["name"] for row in admin.get("projects?name=chat").json()["data"]] == ["chat"]
    admin.post("prices", ROWS["prices"][0])
    assert len(admin.get("prices?provider=openai&model=gpt-9&own=true").json()["data"]) == 1


def test_the_installation_has_one_row_of_limits(admin: Admin) -> None:
    nothing = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None}
    assert admin.get("limits").made() == nothing
    assert admin.patch("limits", {"tokens_per_minute": 9}).made() == {**nothing, "tokens_per_minute": 9}
    assert admin.patch("limits", {"tokens_per_minute": 0}).refused() == (400, "tokens_per_minute")
    assert admin.get("limits").made()["tokens_per_minute"] == InstallationLimits.objects.get().tokens_per_minute == 9
