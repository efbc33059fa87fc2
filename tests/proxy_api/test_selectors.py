"""Organization, project and parent span of a call, as pure functions."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.entrance.identity import Identity, Rights
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.selectors import NOTHING, Selected, selected, without_organization

FREE = Identity("virtual", "k", "team", "key:k")
BOUND = Identity(
    "virtual", "k", "team", "key:k", rights=Rights(project="p1"), project_name="search", organization="acme"
)


def chosen(identity: Identity = FREE, in_address: str | None = None, **headers: str) -> Selected:
    return selected({name.replace("_", "-"): value for name, value in headers.items()}, in_address, identity)


def refusal(identity: Identity = FREE, in_address: str | None = None, **headers: str) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        chosen(identity, in_address, **headers)
    return raised.value


def test_a_call_that_selects_nothing_is_its_keys() -> None:
    assert chosen() is NOTHING
    assert chosen(BOUND) == Selected(organization="acme")


@pytest.mark.parametrize(("header", "in_address"), [("acme", None), ("", "acme"), ("acme", "acme")])
@pytest.mark.parametrize("identity", [FREE, BOUND])
def test_the_organization_comes_by_header_or_address(identity: Identity, header: str, in_address: str | None) -> None:
    assert chosen(identity, in_address, x_bt_org_name=header).organization == "acme"


def test_two_organizations_are_a_conflict_in_the_references_words() -> None:
    error = refusal(FREE, "globex", x_bt_org_name="acme")
    assert (error.status, error.message) == (400, "Conflicting organization selectors")


def test_a_header_in_utf_8_is_the_same_organization_as_in_the_address() -> None:
    assert chosen(FREE, "größe", x_bt_org_name="größe".encode().decode("latin-1")).organization == "größe"


def test_another_organization_than_the_keys_is_refused() -> None:
    for error in (refusal(BOUND, x_bt_org_name="globex"), refusal(BOUND, "globex")):
        assert (error.status, error.code) == (403, "organization_not_allowed")


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\x00"])
def test_an_organization_that_no_log_can_hold_is_refused(name: str) -> None:
    assert refusal(FREE, name).status == 400


@pytest.mark.parametrize("project", ["p1", "search"])
def test_the_keys_own_project_may_be_named_by_id_or_name(project: str) -> None:
    assert chosen(BOUND, x_bt_project_id=project) == Selected(organization="acme")


@pytest.mark.parametrize("identity", [FREE, BOUND])
def test_any_other_project_is_refused_also_where_the_key_has_none(identity: Identity) -> None:
    error = refusal(identity, x_bt_project_id="p2")
    assert (error.status, error.code, error.param) == (403, "project_not_allowed", "x-bt-project-id")
    assert "p2" not in error.message


@pytest.mark.parametrize(
    "parent",
    [
        "project_id:p",
        "project_name:My logs",
        "experiment_id:e",
        *(base64.b64encode(bytes([n, 0])).decode() for n in (3, 4)),
    ],
)
def test_a_parent_is_kept_as_it_came(parent: str) -> None:
    assert chosen(x_bt_parent=parent).parent == parent


@pytest.mark.parametrize(
    "parent", ["nonsense", "project_id:", "project_name: ", "span_id:x", "AA==", base64.b64encode(b"\x09abc").decode()]
)
def test_a_bad_parent_is_refused_with_the_references_text(parent: str) -> None:
    error = refusal(x_bt_parent=parent)
    assert isinstance(error, BadRequest)
    assert error.message.startswith(f"Invalid parent header '{parent.strip()}': ")


def test_a_long_parent_is_cut_to_what_the_ledger_keeps() -> None:
    assert len(chosen(x_bt_parent="project_name:" + "x" * 1000).parent) == 512


def test_the_key_may_say_what_its_calls_are_logged_under() -> None:
    identity = Identity("temporary", "k", "team", "t", parent="project_name:a")
    assert chosen(identity).parent == "project_name:a"
    assert chosen(identity, x_bt_parent="project_name:b").parent == "project_name:b"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/proxy/btorg/acme/chat/completions", ("/v1/proxy/chat/completions", "acme")),
        ("/v1/proxy/BtOrg/a%2Fb%20c/models/x%2Fy", ("/v1/proxy/models/x/y", "a/b c")),
        ("/v1/btorg/acme/chat/completions", ("/v1/proxy/chat/completions", "acme")),
        ("/btorg/acme/chat/completions", ("/v1/proxy/chat/completions", "acme")),
        ("/v1/btorg/acme/admin/keys", ("/v1/proxy/admin/keys", "acme")),
        ("/btorg/acme/admin/", ("/v1/proxy/admin/", "acme")),
        ("/v1/proxy/btorg/gr%C3%B6%C3%9Fe/auto", ("/v1/proxy/auto", "größe")),
        ("/v1/proxy/btorg/acme", ("/v1/proxy/", "acme")),
        ("/v1/proxy/btorg//chat/completions", None),
        ("/v1/proxy/chat/completions", None),
        ("/admin/btorg/acme/", None),
        ("/v1/proxy/files/btorg/acme", None),
    ],
)
def test_the_organization_is_taken_out_of_the_address(path: str, found: tuple[str, str] | None) -> None:
    assert without_organization(path) == found


@given(st.text(max_size=60))
def test_any_path_is_read_without_an_exception(path: str) -> None:
    found = without_organization("/v1/proxy/btorg/" + path)
    assert found is None or found[0].startswith("/v1/proxy/")
