"""The order in which credentials are tried: a project's own, then priorities, then weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.entrance.identity import Identity, Rights
from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api.errors import GatewayError
from proxy_api.known import Known
from proxy_api.routing import MAX_ATTEMPTS, first_configured, listed, routed, visible
from proxy_api.upstream import Route

MODEL = "openai/gpt-4o"
CHANCES = st.floats(0, 1, exclude_max=True)


def caller(project: str = "") -> Identity:
    return Identity(kind="virtual", id="k", name="k", scope="k", rights=Rights(project=project))


def credential(name: str, provider: str = "openai", **fields: Any) -> Credential:
    return Credential(id=name, name=name, provider=provider, secret=Secret("sk-1"), **fields)


@st.composite
def installations(draw: st.DrawFn) -> list[Credential]:
    """Credentials of one provider; those of project "other" are nobody's business."""
    fields = st.fixed_dictionaries(
        {
            "project": st.sampled_from(["", "ours", "other"]),
            "priority": st.integers(0, 2),
            "weight": st.integers(1, 1000),
        }
    )
    found = draw(st.lists(fields, min_size=1, max_size=9))
    return [credential(f"c{number}", **one) for number, one in enumerate(found)]


def routes(available: Sequence[Credential], chance: float, project: str = "ours", asked: str = MODEL) -> list[Route]:
    """Empty where the caller sees no credential."""
    who = caller(project)
    seen = visible(available, who)
    return list(routed(asked, who, seen, chance)) if seen else []


def ranks(found: Sequence[Route]) -> list[tuple[bool, int]]:
    return [(not route.credential.project, route.credential.priority) for route in found]


@given(installations(), CHANCES)
def test_every_visible_credential_is_tried_once_and_no_other(available: list[Credential], chance: float) -> None:
    names = [route.credential.name for route in routes(available, chance)]
    assert sorted(names) == [one.name for one in available if one.project != "other"]


@given(installations(), CHANCES)
def test_own_before_global_then_the_lowest_priority_as_far_as_tries_reach(
    available: list[Credential], chance: float
) -> None:
    found = routes(available, chance)
    tried = ranks(found[:MAX_ATTEMPTS])
    assert tried == sorted(tried)
    assert set(tried) == set(sorted(set(ranks(found)))[:MAX_ATTEMPTS])


@given(installations(), CHANCES, CHANCES)
def test_what_the_cache_key_depends_on_is_the_same_whatever_weights_and_chance(
    available: list[Credential], chance: float, another: float
) -> None:
    unweighted = [replace(one, weight=1) for one in available]
    here, there = routes(available, chance), routes(unweighted, another)
    assert bool(here) == bool(there)
    if here:
        assert first_configured(here).credential.name == first_configured(there).credential.name
        assert ranks([first_configured(here)]) == [min(ranks(here))]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_weights_are_shares_of_the_starts(weights: list[int]) -> None:
    available = [credential(f"c{number}", weight=weight) for number, weight in enumerate(weights)]
    total = sum(weights)
    starts = Counter(routes(available, (step + 0.5) / total)[0].credential.name for step in range(total))
    assert [starts[one.name] for one in available] == weights


@given(st.integers(1, 4), CHANCES)
def test_equal_weights_start_anywhere_alike_and_go_on_in_turn(size: int, chance: float) -> None:
    names = [f"c{number}" for number in range(size)]
    found = [route.credential.name for route in routes([credential(name, weight=7) for name in names], chance)]
    start = int(chance * size)
    assert found == names[start:] + names[:start]


@given(installations(), CHANCES)
def test_a_project_without_credentials_uses_the_global_ones_alone(available: list[Credential], chance: float) -> None:
    assert {route.credential.project for route in routes(available, chance, project="")} <= {""}
    assert {route.credential.project for route in routes(available, chance, project="new")} <= {""}


def test_a_fallback_has_a_try_where_the_first_priority_has_enough_for_all() -> None:
    many = [credential(f"c{number}") for number in range(6)]
    found = [route.credential.name for route in routes([*many, credential("spare", priority=1)], 0.0)]
    assert found[:MAX_ATTEMPTS] == ["c0", "c1", "c2", "spare"]


def test_an_aliass_later_target_has_a_try_whatever_tiers_the_first_has() -> None:
    known = Known(aliases={"smart": (MODEL, "groq/x")})
    tiers = [credential(f"c{number}", priority=number) for number in range(6)]
    found = routed("smart", caller(), [*tiers, credential("g", "groq")], 0.0, known)
    assert [route.credential.name for route in found[:MAX_ATTEMPTS]] == ["c0", "c1", "c2", "g"]


def test_priorities_hold_across_the_providers_of_a_bare_name() -> None:
    available = [credential("a", "groq", models=("m",), priority=1), credential("b", "together", models=("m",))]
    assert [route.credential.name for route in routes(available, 0.9, asked="m")] == ["b", "a"]


def test_a_model_that_only_another_projects_credential_names_does_not_exist() -> None:
    theirs = credential("t", "custom", models=("tuned",), base_url="https://lab/v1", project="other")
    for who, count in ((caller("ours"), 0), (caller(), 0), (caller("other"), 2)):
        seen = visible([theirs], who)
        assert len(seen) == bool(count)
        assert len(list(listed(who, seen))) == count
    with pytest.raises(GatewayError) as refused:
        routed("tuned", caller("ours"), visible([theirs], caller("ours")), 0.0)
    assert "does not exist" in refused.value.message


def test_a_name_picks_those_that_a_caller_may_see() -> None:
    available = [credential("main"), credential("main", project="ours"), credential("main", project="other")]
    assert [one.project for one in visible(available, caller("ours"), "main")] == ["", "ours"]
    assert visible(available, caller("ours"), "spare") == []
