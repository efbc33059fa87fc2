"""Temporary credentials: what a JWT of ours must have, and what it may do at most."""

import base64
import json
import time
import uuid
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone

from keys import freshness
from keys.administration import issuing
from keys.entrance import access, remembered, temporary
from keys.entrance.refusals import AccessRefused
from keys.entrance.temporary import Wishes
from keys.models import Project
from keys.secrecy.pepper import pepper

pytestmark = pytest.mark.django_db

SIGNATURE, EXPIRED, WRONG = "invalid signature", "jwt expired", "Incorrect API key provided."


@pytest.fixture
def key():
    return issuing.issue("team")[0]


def made(key, **wishes):
    """A credential of `key`."""
    identity = remembered.BY_ID.get(key.id)
    assert identity is not None
    return temporary.issue(identity, Wishes(**wishes), time.time(), str(uuid.uuid4()))


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims, secret=None, algorithm="HS256"):
    return jwt.encode(claims, secret or pepper(temporary.PURPOSE), algorithm=algorithm)


def identified(token):
    return access.identify(f"Bearer {token}", None)


def refusal(token):
    with pytest.raises(AccessRefused) as raised:
        identified(token)
    return raised.value.status, raised.value.message


def test_it_is_a_jwt_with_the_references_header_and_claims(key):
    """M14."""
    token = made(key, model="gpt-5", organization="acme", logging={"project_name": "search"})
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = claims_of(token)
    assert claims["iss"] == claims["aud"] == "braintrust_proxy"
    prefix, _, unique = claims["jti"].partition(":")
    assert (prefix, uuid.UUID(unique).version) == ("bt_tmp", 4)
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] == pytest.approx(time.time(), abs=2)
    assert claims["bt"] == {"org_name": "acme", "model": "gpt-5", "logging": {"project_name": "search"}}
    assert claims_of(made(key))["bt"] == {}


def test_it_is_its_key_with_one_model_and_a_shorter_life(key):
    key.models, key.networks, key.requests_per_minute = ["openai/*"], ["10.0.0.0/8"], 5
    key.project = Project.objects.create(name="search", organization="acme")
    key.save()
    token = made(key, model="gpt-5", logging={"project_name": "search"})
    identity, parent = identified(token), remembered.BY_ID.get(key.id)
    assert (identity.kind, identity.id, identity.name) == ("temporary", key.id, "team")
    assert identity.temporary == claims_of(token)["jti"]
    assert identity.rights.only_model == "gpt-5"
    assert identity.rights.may_use("openai", "openai/gpt-5", "gpt-5")
    assert not identity.rights.may_use("azure", "azure/gpt-5", "gpt-5")
    assert (identity.networks, identity.subjects) == (parent.networks, parent.subjects)
    assert (identity.organization, identity.rights.project) == ("acme", key.project.id)
    assert identity.parent == "project_name:search"
    assert identity.expires_at == claims_of(token)["exp"]


def test_nothing_that_binds_its_key_is_left_out(key):
    key.models, key.providers, key.endpoints = ["openai/*"], ["openai"], ["chat/*", "credentials"]
    key.networks, key.strict, key.fail_open, key.log_bodies = ["10.0.0.0/8"], True, True, "none"
    key.cache_mode, key.cache_scope, key.concurrent_requests = "never", "project", 3
    key.project = Project.objects.create(name="search", organization="acme", cassette="record", tokens_per_minute=9)
    key.save()
    identity, parent = identified(made(key, model="gpt-5")), remembered.BY_ID.get(key.id)
    own = {"kind", "rights", "expires_at", "temporary"}
    assert {name for name in parent.__slots__ if getattr(identity, name) != getattr(parent, name)} == own
    assert replace(identity.rights, only_model=None) == parent.rights


@pytest.mark.parametrize("scope", ["key", "everyone"])
def test_it_shares_the_cache_of_its_key(key, scope):
    key.cache_scope = scope
    key.save()
    freshness.check_now()
    assert identified(made(key)).scope == identified(made(key)).scope == remembered.BY_ID.get(key.id).scope


def test_where_its_key_seals_completions_each_credential_opens_its_own_alone(key):
    key.seal_to_caller = True
    key.save()
    freshness.check_now()
    first, second = made(key), made(key)
    assert identified(first).caller_mark == identified(first).caller_mark != identified(second).caller_mark


def test_it_lives_as_long_as_it_says_and_not_longer_than_its_key(key):
    """B4."""
    brief, long = made(key, seconds=1), made(key, seconds=86_400)
    assert identified(brief).id == key.id
    key.expires_at = timezone.now() + timedelta(seconds=1.2)
    key.save()
    freshness.check_now()
    assert identified(long).expires_at == pytest.approx(key.expires_at.timestamp())
    time.sleep(1.25)
    assert refusal(brief) == (401, EXPIRED)
    assert refusal(long)[0] == 401


@pytest.mark.parametrize("change", ["revoked", "off", "project off"])
def test_it_is_gone_with_its_key(key, change):
    """B4, B5: the answer begins with the reference's text."""
    token = made(key)
    assert identified(token).id == key.id
    if change == "revoked":
        issuing.revoke(key, timezone.now())
    elif change == "off":
        key.enabled = False
    else:
        key.project = Project.objects.create(name="closed", enabled=False)
    key.save()
    freshness.check_now()
    status, message = refusal(token)
    assert status == 401
    assert message.startswith("Could not access credential cache")


def test_rotating_the_key_leaves_its_credentials(key):
    token = made(key)
    issuing.rotate(key, timedelta(0), timezone.now())
    freshness.check_now()
    assert identified(token).id == key.id


@pytest.mark.parametrize("claim", ["iss", "aud", "jti", "iat", "exp", "sub", "bt"])
def test_each_claim_must_be_there(key, claim):
    claims = claims_of(made(key))
    assert identified(signed(claims)).id == key.id
    del claims[claim]
    assert refusal(signed(claims)) == (401, WRONG)


@pytest.mark.parametrize(
    ("claim", "value"),
    [("aud", "another"), ("jti", "no prefix"), ("sub", 5), ("bt", "text"), ("iat", 1e12), ("exp", "soon"), ("sub", "")],
)
def test_each_claim_must_be_what_it_is_for(key, claim, value):
    token = signed({**claims_of(made(key)), claim: value}) if claim != "sub" else unchecked(claims_of(made(key)), value)
    assert refusal(token)[0] == 401


def unchecked(claims, subject):
    """A `sub` that PyJWT would not sign."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims)]
    parts[1] = base64.urlsafe_b64encode(json.dumps({**claims, "sub": subject}).encode()).rstrip(b"=")
    signature = jwt.get_algorithm_by_name("HS256").sign(b".".join(parts), pepper(temporary.PURPOSE))
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_one_that_has_expired_is_told_so(key):
    claims = claims_of(made(key))
    assert refusal(signed({**claims, "iat": 1, "exp": int(time.time()) - 5})) == (401, EXPIRED)


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256", "ES256"])
def test_no_algorithm_but_hs256_is_taken(key, algorithm):
    secrets = {
        "none": None,
        "RS256": rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else None,
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    secret = secrets.get(algorithm, pepper(temporary.PURPOSE) * 2)
    token = jwt.encode(claims_of(made(key)), secret, algorithm=algorithm)
    assert refusal(token) == (401, SIGNATURE)


def test_another_secret_signs_nothing(key):
    claims = claims_of(made(key))
    for secret in (b"x" * 32, key.digest.encode()):
        assert refusal(signed(claims, secret)) == (401, SIGNATURE)
    header, body, signature = made(key).split(".")
    longer = base64.urlsafe_b64encode(json.dumps({**claims, "exp": claims["exp"] + 9999}).encode()).decode().rstrip("=")
    assert refusal(f"{header}.{longer}.{signature}") == (401, SIGNATURE)
    assert refusal(f"{header}.{body}.") == (401, SIGNATURE)


def test_a_known_one_costs_no_query_and_an_unknown_key_of_it_one(key, django_assert_num_queries):
    token, stranger = made(key), signed({**claims_of(made(key)), "sub": "0" * 36})
    identified(token)
    refusal(stranger)
    with django_assert_num_queries(0):
        for _ in range(50):
            identified(token)
            refusal(stranger)


def test_nothing_about_it_is_stored(key, django_assert_num_queries):
    remembered.BY_ID.get(key.id)
    with django_assert_num_queries(0):
        made(key)
