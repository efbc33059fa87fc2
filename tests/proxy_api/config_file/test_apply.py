"""A file applied: made so, a second time nothing, a dry run nothing at all."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from cache_admin.models import Price, Source
from keys.models import (
    ANONYMOUS,
    AuditEntry,
    Budget,
    InstallationLimits,
    Project,
    ProviderCredential,
    Revision,
    TokenIssuer,
    VirtualKey,
)
from proxy_api.models import Alias
from tests.keys.asking import works
from tests.proxy_api.config_file.conftest import ENVIRONMENT, Apply

EXAMPLE = (Path(__file__).parents[3] / "docs" / "dragoman.yaml").read_text(encoding="utf-8")
TABLES = (Project, VirtualKey, ProviderCredential, Budget, InstallationLimits, TokenIssuer, Alias, Price, AuditEntry)


def everything() -> list[object]:
    """All rows of all tables, the revision too."""
    return [list(table.objects.order_by("pk").values()) for table in (*TABLES, Revision)]  # type: ignore[attr-defined]


def test_the_example_is_made_so_and_a_second_time_changes_nothing(apply: Apply) -> None:
    first = apply(EXAMPLE)
    assert re.fullmatch(r"(search-frontend|nightly-job): dgm_\w{49}\n" * 2, first.out)
    tokens = dict(line.split(": ") for line in first.out.splitlines())
    assert all(map(works, tokens.values()))
    key = VirtualKey.objects.get(name="search-frontend")
    assert key.project is not None
    assert Project.objects.get(name="ci").cassette == "replay"
    assert VirtualKey.objects.get(name="nightly-job").seal_to_caller
    assert (key.project.name, key.requests_per_minute, key.models) == ("search", 60, ["openai/gpt-4o-mini", "smart"])
    assert {(row.amount, row.unit) for row in key.budgets.all()} == {(Decimal(20), "usd"), (Decimal(10**6), "tokens")}
    assert Budget.objects.get(key=None, project=None).amount == 5000
    assert InstallationLimits.objects.get().concurrent_requests == 500
    secret = ProviderCredential.objects.get(name="openai-main").secret()
    assert secret is not None
    assert secret.reveal() == ENVIRONMENT["OPENAI_API_KEY"]
    assert TokenIssuer.objects.get().projects == {"search-team": "search"}
    assert Price.objects.get(model="gpt-4o-acme").source == Source.OWN
    before = everything()
    assert apply(EXAMPLE)[:2] == ("", "0 new, 0 changed, 0 no longer in use.\n")
    assert everything() == before
    assert apply(EXAMPLE, "--dry-run").status == 0


def test_a_name_that_yaml_takes_for_a_number_is_found_again(apply: Apply) -> None:
    for name in ("7", "1.5"):
        assert apply(f"keys: [{{name: {name}}}]").out.startswith(f"{name}: dgm_")
        assert apply(f"keys: [{{name: {name}}}]").out == ""


def test_a_dry_run_tells_the_changes_by_its_status_too_and_makes_none(apply: Apply) -> None:
    before = everything()
    told = apply(EXAMPLE, "--dry-run")
    assert told.status == 2
    assert everything() == before
    assert '+ alias smart\n    name: "smart"\n    targets: ["openai/gpt-4o", ' in told.out
    assert "+ project search\n" in told.out
    assert "+ key search/search-frontend\n" in told.out
    assert "+ budget in usd a month of the installation\n" in told.out
    assert "14 new, 0 changed, 0 no longer in use. Nothing was done: --dry-run.\n" in told.out
    assert "dgm_" not in told.out
    assert not [secret for secret in ENVIRONMENT.values() if secret in told.out]


def test_a_change_is_told_with_what_was_and_what_becomes(apply: Apply, settings: Settings) -> None:
    apply(EXAMPLE)
    old = ProviderCredential.objects.get(name="openai-main").fingerprint
    settings.DRAGOMAN_PROVIDER_ENV["OPENAI_API_KEY"] = "sk-planted-another-9999"
    changed = EXAMPLE.replace("requests_per_minute: 60\n", "requests_per_minute: 90\n").replace(
        "amount: 20,", "amount: 25,"
    )
    told = apply(changed, "--dry-run")
    assert "~ key search/search-frontend\n    requests_per_minute: 60 -> 90\n" in told.out
    assert "~ budget in usd a day of key search/search-frontend\n    amount: 20 -> 25\n" in told.out
    assert f'fingerprint: "{old}" -> "' in told.out
    assert "planted" not in told.out
    assert ProviderCredential.objects.get(name="openai-main").fingerprint == old
    done = apply(changed)
    assert (done.out, done.status) == ("", 0)
    assert "0 new, 3 changed" in done.err
    secret = ProviderCredential.objects.get(name="openai-main").secret()
    assert secret is not None
    assert secret.reveal() == "sk-planted-another-9999"


def test_a_moved_credential_is_sealed_for_its_new_address(apply: Apply) -> None:
    text = "credentials: [{name: a, provider: openai, secret: '${OPENAI_API_KEY}'}]"
    apply(text)
    done = apply(text.replace("secret", "base_url: https://other.example/v1, secret"))
    assert "the secret is sealed anew" in done.err
    assert ProviderCredential.objects.get().secret() is not None


def test_fields_that_an_entry_does_not_name_are_left_alone(apply: Apply) -> None:
    apply("keys: [{name: ci, owner: Ann, requests_per_minute: 5}]")
    apply("keys: [{name: ci, requests_per_minute: null}]")
    key = VirtualKey.objects.get(name="ci")
    assert (key.owner, key.requests_per_minute) == ("Ann", None)


def test_a_key_is_known_by_its_name_within_its_project(apply: Apply) -> None:
    text = "projects: [{name: a}, {name: b}]\nkeys: [{name: ci}, {name: ci, project: a}, {name: ci, project: b}]"
    assert len(apply(text).out.splitlines()) == 3
    assert apply(text).out == ""


def test_a_key_that_was_revoked_is_issued_anew_if_the_file_still_names_it(apply: Apply) -> None:
    apply("keys: [{name: ci}]")
    apply("keys: {prune: true, entries: []}")
    assert apply("keys: [{name: ci}]").out.startswith("ci: dgm_")
    assert [key.state(key.created_at) for key in VirtualKey.objects.filter(name="ci")] == ["active", "revoked"]


def test_an_expiry_that_has_passed_since_is_no_mistake_of_the_file(apply: Apply) -> None:
    text = "keys: [{name: ci, expires_at: 2099-01-31}]"
    apply(text)
    VirtualKey.objects.filter(name="ci").update(expires_at="2020-01-31T12:00:00Z")
    assert apply("keys: [{name: ci, expires_at: 2020-01-31T12:00:00Z}]").err.startswith("0 new, 0 changed")


def test_what_is_not_named_is_left_alone(apply: Apply) -> None:
    apply(EXAMPLE)
    before = everything()
    apply("keys: []\nprojects: []\nprices: []\n")
    assert everything() == before


def test_a_section_that_prunes_takes_out_of_use_and_deletes_no_history(apply: Apply) -> None:
    token = apply(EXAMPLE).out.splitlines()[0].split(": ")[1]
    Price.objects.create(provider="openai", model="of-the-list", input=1, output=1, source=Source.SYNCED)
    names = ("projects", "credentials", "keys", "issuers", "aliases", "prices")
    pruning = "\n".join(f"{name}: {{prune: true, entries: []}}" for name in names)
    told = apply(pruning, "--dry-run")
    assert works(token)
    assert "- key search/search-frontend (revoked)\n" in told.out
    assert apply(pruning).err == told.out.replace(" Nothing was done: --dry-run.", "")
    assert not works(token)
    assert VirtualKey.objects.get(id=ANONYMOUS).revoked_at is None
    for table in (Project, ProviderCredential, TokenIssuer, Alias):
        assert table.objects.exists()
        assert not table.objects.filter(enabled=True).exists()  # type: ignore[attr-defined]
    assert [row.model for row in Price.objects.all()] == ["of-the-list"]
    assert apply(pruning, "--dry-run").status == 0


def test_what_was_pruned_is_in_use_again_when_a_pruning_section_names_it(apply: Apply) -> None:
    text = "aliases: {prune: true, entries: [{name: %s, targets: [openai/gpt-4o]}]}"
    for name in ("a", "b", "a"):
        apply(text % name)
        assert [row.name for row in Alias.objects.filter(enabled=True)] == [name]


def test_budgets_that_a_pruning_section_does_not_list_are_gone(apply: Apply) -> None:
    apply("keys: [{name: ci, budgets: [{amount: 1, period: day}, {amount: 2, period: week}]}]")
    apply("keys: [{name: ci, budgets: [{amount: 3, period: day}]}]")
    assert {(row.period, int(row.amount)) for row in Budget.objects.all()} == {("day", 3), ("week", 2)}
    assert (
        "- budget in usd a week of key ci (deleted)"
        in apply("keys: {prune: true, entries: [{name: ci, budgets: [{amount: 3, period: day}]}]}").err
    )
    assert [row.period for row in Budget.objects.all()] == ["day"]


def test_each_act_is_on_the_audit_log_as_the_commands(apply: Apply) -> None:
    apply(EXAMPLE)
    entries = list(AuditEntry.objects.values_list("actor_kind", "action"))
    assert {kind for kind, _ in entries} == {"command"}
    assert [action for _, action in entries].count("key.issued") == 2
    assert "planted" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("word", ["", "--dry-run"])
def test_an_empty_section_of_nothing_changes_nothing(apply: Apply, word: str) -> None:
    assert apply("aliases: []", *filter(None, [word])).status == 0
