"""What a row of the admin becomes: its regions, its project, its headers, its place in the order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keys.models import Project, ProviderCredential
from keys.outward import credentials
from keys.outward.credentials import Declared
from keys.outward.options import Option

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_declared", {})
    regional = {"bedrock": Declared(options=(Option("region"),)), "vertex": Declared(options=(Option("location"),))}
    credentials.declare({"openai": Declared(), **regional})


def row(provider: str = "openai", secret: str = "sk-1", **fields: Any) -> ProviderCredential:
    made = ProviderCredential(name="ours", provider=provider, **fields)
    made.put_secret(secret, "0" * 12)
    made.save()
    return made


def test_each_region_is_a_credential_of_its_own_in_the_rows_order() -> None:
    stored = row("bedrock", regions=["us-west-2", "eu-west-1"], weight=3, priority=2, options={"x": "y"})
    found = credentials.credentials("bedrock")
    assert [one.options for one in found] == [{"x": "y", "region": name} for name in ("us-west-2", "eu-west-1")]
    assert {(one.id, one.name, one.weight, one.priority) for one in found} == {(stored.id, "ours", 3, 2)}
    assert {one.secret.reveal() for one in found if one.secret} == {"sk-1"}


def test_a_region_is_what_the_provider_calls_it() -> None:
    row("vertex", regions=["global", "eu"])
    assert [one.options for one in credentials.credentials("vertex")] == [{"location": "global"}, {"location": "eu"}]


def test_regions_of_a_provider_that_has_none_change_nothing() -> None:
    row(regions=["us"])
    assert [one.options for one in credentials.credentials("openai")] == [{}]


def test_a_row_says_whose_it_is_and_where_it_stands() -> None:
    project = Project.objects.create(name="search")
    row(project=project, priority=5, weight=9)
    (found,) = credentials.credentials("openai")
    assert (found.project, found.priority, found.weight) == (project.id, 5, 9)


def test_a_row_without_any_is_everybodys_and_first() -> None:
    row()
    (found,) = credentials.credentials("openai")
    assert (found.project, found.priority, found.weight, found.headers) == ("", 0, 1, {})


def test_headers_have_parts_of_the_secret_in_memory_and_not_in_the_row() -> None:
    stored = row(headers={"x-gw-token": "{gw}"}, secret=json.dumps({"key": "sk-1", "gw": "cf-secret"}))
    (found,) = credentials.credentials("openai")
    assert found.headers == {"x-gw-token": "cf-secret"}
    assert "cf-secret" not in repr(found) + str(ProviderCredential.objects.filter(pk=stored.pk).values())


@pytest.mark.parametrize(
    "changed",
    [
        {"regions": ["eu"]},
        {"headers": {"x-to": "b"}},
        {"headers": {}},
        {"base_url": "https://b/v1"},
        {"options": {"a": "b"}},
    ],
)
def test_a_secret_opens_only_with_what_it_was_entered_for(changed: dict[str, Any]) -> None:
    stored = row("bedrock", headers={"x-to": "a"})
    assert set(changed) <= set(ProviderCredential.BOUND)
    ProviderCredential.objects.filter(pk=stored.pk).update(**changed)
    assert all(one.broken and one.secret is None for one in credentials.credentials("bedrock"))
