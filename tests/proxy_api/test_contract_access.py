"""Who may call, and as whom: the contract's lines on organizations and temporary credentials, on the running server."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.bodies import openai_answer
from tests.live import Answer, Live
from tests.proxy_api.asking import CHAT, MODEL, cached, hello, refusal, with_request_id

CREDENTIALS = "/v1/proxy/credentials"
ACME = "/v1/proxy/btorg/acme/chat/completions"
NESTED = "Temporary credential cannot be used to issue another temp credential."
REVOKE = """
from django.utils import timezone
from keys.administration import issuing
from keys.models import VirtualKey
issuing.revoke(VirtualKey.objects.get(name=name), timezone.now())
"""
IN_PROJECT = """
from keys.administration import issuing
from keys.models import Project
key, result = issuing.issue(name)
key.project = Project.objects.create(name=name, organization=organization)
key.save()
"""


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def asked(live: Live, body: dict[str, Any], **headers: str) -> Answer:
    return live.request("POST", CREDENTIALS, body, {name.replace("_", "-"): value for name, value in headers.items()})


def credential(live: Live, body: dict[str, Any] | None = None, token: str = "", **headers: str) -> str:
    answer = asked(live, body or {}, **headers, **(bearer(token) if token else {}))
    assert answer.status == 200, answer.body
    return str(answer.json()["key"])


def test_an_organization_in_the_address_is_one_in_the_header(live: Live) -> None:
    """M1: alike, to the cache and to the ledger too."""
    body = hello(temperature=0)
    by_address = live.request("POST", ACME, body)
    by_header = live.request("POST", CHAT, body, {"x-bt-org-name": "acme"})
    by_both = live.request("POST", "/v1/proxy/BTORG/acme/chat/completions/", body, {"x-bt-org-name": "acme"})
    assert [cached(one) for one in (by_address, by_header, by_both)] == ["MISS", "HIT", "HIT"]
    assert by_address.body == by_header.body == by_both.body == openai_answer()
    assert cached(live.request("POST", CHAT, body)) == "MISS"
    assert live.usage(with_request_id(by_address))["organization"] == "acme"


def test_an_address_with_an_organization_leads_to_the_proxy_alone(live: Live) -> None:
    """Whoever closes /admin/ in front of this server has closed all ways to it."""
    for path in ("/btorg/acme/admin/", "/v1/btorg/acme/admin/keys", "/btorg/acme/docs/"):
        assert live.request("GET", path).status == 404
    assert live.request("GET", "/v1/proxy/btorg/acme/models").status == 200


def test_an_address_and_a_header_that_differ_are_a_conflict(live: Live) -> None:
    """M1."""
    answer = live.request("POST", ACME, hello(), {"x-bt-org-name": "globex"})
    assert answer.status == 400
    assert refusal(answer)["message"] == "Conflicting organization selectors"
    assert live.upstream.count == 0
    assert live.usage(with_request_id(answer))["status"] == "refused"


def test_a_temporary_credential_is_given_as_the_reference_gives_it(live: Live) -> None:
    """M14."""
    answer = asked(live, {"model": MODEL, "ttl_seconds": 60, "logging": {"project_name": "search"}})
    assert answer.status == 200
    assert list(answer.json()) == ["key"]
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["key"]
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("braintrust_proxy", "braintrust_proxy", 60)
    assert claims["jti"].startswith("bt_tmp:")
    assert claims["bt"] == {"model": MODEL, "logging": {"project_name": "search"}}
    assert jwt.decode(credential(live), options={"verify_signature": False})["bt"] == {}
    assert live.token not in json.dumps(claims)


def test_a_day_is_the_longest_life_and_all_faults_are_listed(live: Live) -> None:
    """M14: text/plain, or our own object where JSON is asked for."""
    plain = asked(live, {"ttl_seconds": 86_401})
    assert (plain.status, plain.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert [fault["path"] for fault in plain.json()] == [["ttl_seconds"]]
    ours = asked(live, {"ttl_seconds": 86_401}, accept="application/json")
    assert ours.status == 400
    assert refusal(ours)["param"] == "ttl_seconds"
    assert credential(live, {"ttl_seconds": 86_400})


def test_a_temporary_credential_makes_no_other(live: Live) -> None:
    """M14."""
    answer = asked(live, {}, **bearer(credential(live)))
    assert (answer.status, answer.body.decode()) == (400, NESTED)


def test_credentials_are_refused_without_a_key_in_plain_text(live: Live) -> None:
    answer = asked(live, {}, authorization="Bearer nonsense")
    assert (answer.status, answer.body) == (401, b"Incorrect API key provided.")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_credential_for_one_model_gets_no_other(live: Live) -> None:
    """M15: the reference's text; ours is a 403 (section 6)."""
    token = credential(live, {"model": MODEL})
    assert live.chat(hello(), **bearer(token)).status == 200
    assert live.chat(hello(model="gpt-4o-mini"), **bearer(token)).status == 200
    answer = live.chat(hello(model="openai/gpt-4o"), **bearer(token))
    assert answer.status == 403
    assert refusal(answer)["message"].startswith("No API keys found (for openai/gpt-4o)")
    listed = live.request("GET", "/v1/models", headers=bearer(token)).json()["data"]
    assert {model["id"] for model in listed} <= {MODEL, "gpt-4o-mini"}
    assert live.request("GET", "/v1/proxy/files", headers=bearer(token)).status == 403


def test_a_credentials_calls_are_its_keys_on_the_ledger_and_in_the_cache(live: Live) -> None:
    """Unlike the reference's, whose every credential pays for the same answer anew."""
    token, other = credential(live), credential(live)
    body = hello(temperature=0)
    first = live.chat(body, **bearer(token))
    assert [cached(first), cached(live.chat(body, **bearer(token)))] == ["MISS", "HIT"]
    assert [cached(live.chat(body, **bearer(other))), cached(live.chat(body))] == ["HIT", "HIT"]
    assert cached(live.chat(body, **bearer(live.key("another")))) == "MISS"
    row = live.usage(with_request_id(first))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (row["key_id"], row["temporary"]) == (claims["sub"], claims["jti"])


@pytest.mark.parametrize("parent", ["project_name:search", base64.b64encode(b"\x03\x00span").decode()])
def test_a_parent_span_is_kept_and_answered_with_our_own(live: Live, parent: str) -> None:
    """M20: on hits too."""
    body = hello(temperature=0)
    for expected in ("MISS", "HIT"):
        answer = live.chat(body, x_bt_parent=parent)
        assert cached(answer) == expected
        assert answer.headers["x-bt-span-id"] == with_request_id(answer)
        assert live.usage(with_request_id(answer))["parent"] == parent
    assert "x-bt-span-id" not in live.chat(body).headers


def test_a_bad_parent_is_refused(live: Live) -> None:
    """M20."""
    answer = live.chat(hello(), x_bt_parent="nonsense")
    assert answer.status == 400
    assert refusal(answer)["message"].startswith("Invalid parent header 'nonsense': ")
    assert live.upstream.count == 0


def test_what_a_credential_is_logged_under_stands_on_its_calls(live: Live) -> None:
    token = credential(live, {"logging": {"project_name": "search"}})
    answer = live.chat(hello(), **bearer(token))
    assert answer.headers["x-bt-span-id"] == with_request_id(answer)
    assert live.usage(with_request_id(answer))["parent"] == "project_name:search"


def test_an_expired_credential_gets_401_where_it_had_a_hit(live: Live) -> None:
    """B4."""
    token, body = credential(live, {"ttl_seconds": 1}), hello(temperature=0)
    assert [cached(live.chat(body, **bearer(token))) for _ in range(2)] == ["MISS", "HIT"]
    time.sleep(1.1)
    answer = live.chat(body, **bearer(token))
    assert (answer.status, refusal(answer)["message"]) == (401, "jwt expired")


def test_a_revoked_key_and_its_credential_get_401_within_a_second_where_they_had_hits(live: Live) -> None:
    """B4: in both worker processes."""
    key = live.key("to be revoked")
    tokens, body = (key, credential(live, token=key)), hello(temperature=0)
    for token in tokens:
        answers = [live.chat(body, **bearer(token)) for _ in range(24)]
        assert "HIT" in {cached(answer) for answer in answers}
        live.usage(with_request_id(answers[-1]))
        ids = [with_request_id(answer) for answer in answers]
        served = live.rows("SELECT DISTINCT instance FROM cache_admin_usagerecord WHERE id = ANY(%s)", ids)
        assert len(served) == 2
    live.python(REVOKE, name="to be revoked")
    time.sleep(1)
    for token in tokens:
        assert {live.chat(body, **bearer(token)).status for _ in range(24)} == {401}


def test_the_credentials_organization_binds_it(live: Live) -> None:
    """B5."""
    by_address = live.request("POST", "/v1/proxy/btorg/acme/credentials", {}).json()["key"]
    for token in (by_address, credential(live, x_bt_org_name="acme")):
        assert jwt.decode(token, options={"verify_signature": False})["bt"] == {"org_name": "acme"}
    assert live.request("POST", ACME, hello(), bearer(token)).status == 200
    unsaid = live.chat(hello(), **bearer(token))
    assert live.usage(with_request_id(unsaid))["organization"] == "acme"
    other = live.chat(hello(), x_bt_org_name="globex", **bearer(token))
    assert (other.status, refusal(other)["code"]) == (403, "organization_not_allowed")


def test_the_keys_project_binds_its_calls_and_its_credentials(live: Live) -> None:
    """B5, and x-bt-project-id."""
    key = live.python(IN_PROJECT, name="bound", organization="acme")
    for token in (key, credential(live, token=key)):
        answer = live.chat(hello(), x_bt_project_id="bound", x_bt_org_name="acme", **bearer(token))
        row = live.usage(with_request_id(answer))
        assert (row["project_name"], row["organization"]) == ("bound", "acme")
        for wrong, code in (("x_bt_project_id", "project_not_allowed"), ("x_bt_org_name", "organization_not_allowed")):
            refused = live.chat(hello(), **{wrong: "another"}, **bearer(token))
            assert (refused.status, refusal(refused)["code"]) == (403, code)
    assert asked(live, {}, x_bt_org_name="globex", **bearer(key)).status == 403
