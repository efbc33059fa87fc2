"""JWTs of an outside issuer as bearer tokens: its keys over real sockets, its claims to a project."""

import json
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from keys import freshness
from keys.entrance import access, jwks
from keys.entrance.refusals import AccessRefused
from keys.models import InstallationLimits, Project, TokenIssuer
from tests import loopback
from tests.loopback import Upstream

pytestmark = pytest.mark.django_db

US, THEM = "dragoman", "https://login.example.com"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SIGNATURE, EXPIRED, WRONG = "invalid signature", "jwt expired", "Incorrect API key provided."
LISTED = [
    {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "r", "use": "sig"},
    {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "e"},
    {**OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=True), "kid": "d"},
]
SIGNERS = {"r": (RSA_KEY, "RS256"), "e": (EC_KEY, "ES256"), "d": (ED_KEY, "EdDSA")}


@pytest.fixture
def upstream(settings):
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    with Upstream() as server:
        server.script(loopback.answer({"keys": LISTED}))
        yield server


@pytest.fixture
def issuer(upstream):
    return TokenIssuer.objects.create(name="login", issuer=THEM, audience=US, jwks_url=f"{upstream.url}/keys")


def claims(**more):
    now = int(time.time())
    return {"iss": THEM, "aud": US, "sub": "ada", "iat": now, "exp": now + 60, **more}


def signed(said, key_id="r"):
    secret, algorithm = SIGNERS[key_id]
    return jwt.encode(said, secret, algorithm=algorithm, headers={"kid": key_id})


def identified(token):
    return access.identify(f"Bearer {token}", None)


def refusal(token):
    with pytest.raises(AccessRefused) as raised:
        identified(token)
    return raised.value.status, raised.value.message


@pytest.mark.parametrize("key_id", ["r", "e", "d"])
def test_a_token_that_the_issuer_signed_for_us_is_a_caller(issuer, key_id):
    said = claims()
    identity = identified(signed(said, key_id))
    assert (identity.kind, identity.id, identity.name) == ("outside", issuer.id, "login: ada")
    assert identity.expires_at == said["exp"]
    assert identity.subjects == ()


def test_its_keys_are_fetched_once_and_it_costs_no_query_once_known(issuer, upstream, django_assert_num_queries):
    token = signed(claims())
    identified(token)
    with django_assert_num_queries(0):
        for number in range(50):
            identified(token)
            identified(signed(claims(sub=f"caller {number}")))
    assert upstream.count == 1


def test_each_subject_has_a_cache_of_its_own_whatever_token_it_shows(issuer):
    ada, again, ben = (identified(signed(claims(sub=who, jti=who))) for who in ("ada", "ada", "ben"))
    long = [identified(signed(claims(sub="x" * 300 + who))).scope for who in "ab"]
    nobody = [identified(signed(claims(sub="", jti=number))).scope for number in "12"]
    assert len({ada.scope, again.scope, ben.scope, *long, *nobody}) == 6


@pytest.mark.parametrize("claim", ["iss", "aud", "iat", "exp"])
def test_each_claim_must_be_there(issuer, claim):
    said = claims()
    del said[claim]
    assert refusal(signed(said)) == (401, WRONG)


@pytest.mark.parametrize("said", [{"aud": "another"}, {"iss": "https://evil.example.com"}, {"iat": int(1e12)}])
def test_a_token_for_somebody_else_is_wrong(issuer, said):
    assert refusal(signed(claims(**said))) == (401, WRONG)


@pytest.mark.django_db(transaction=True)  # the poll, which comes meanwhile, must see the rows
def test_one_that_has_expired_is_told_so_also_when_it_was_known(issuer):
    assert refusal(signed(claims(exp=int(time.time()) - 1))) == (401, EXPIRED)
    token = signed(claims(exp=int(time.time()) + 1))
    identified(token)
    time.sleep(1.05)
    assert refusal(token) == (401, EXPIRED)


def test_none_and_shared_secrets_are_no_algorithms_not_even_with_the_public_key_as_the_secret(issuer):
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = jwt.encode(claims(), None, algorithm="none", headers={"kid": "r"})
    assert refusal(unsigned) == (401, SIGNATURE)
    confused = [with_shared_secret(secret) for secret in (public, json.dumps(LISTED[0]).encode())]
    assert [refusal(token) for token in confused] == [(401, SIGNATURE)] * 2


def with_shared_secret(secret):
    """HS256 under any bytes: PyJWT itself refuses to sign with a public key."""
    header = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": "r"}).encode())
    body = jwt.utils.base64url_encode(json.dumps(claims()).encode())
    signing = header + b"." + body
    signature = jwt.get_algorithm_by_name("HS256").sign(signing, secret)
    return (signing + b"." + jwt.utils.base64url_encode(signature)).decode()


def test_a_key_takes_no_algorithm_but_its_own(issuer):
    other = jwt.encode(claims(), RSA_KEY, algorithm="RS512", headers={"kid": "r"})
    stranger = jwt.encode(claims(), rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": "r"})
    assert refusal(other) == refusal(stranger) == (401, SIGNATURE)


def test_the_claim_says_which_project_a_caller_belongs_to(issuer):
    search, ads = Project.objects.create(name="search", organization="acme"), Project.objects.create(name="ads")
    search.requests_per_minute = 5
    search.save()
    InstallationLimits(concurrent_requests=9).save()
    issuer.project_claim, issuer.projects = "groups", {"searchers": "search", "sellers": ads.id}
    issuer.models = ["openai/*"]
    issuer.save()
    freshness.check_now()
    found = identified(signed(claims(groups=["others", "searchers"])))
    assert (found.rights.project, found.project_name, found.organization) == (search.id, "search", "acme")
    assert found.rights.models == ("openai/*",)
    assert [one.kind for one in found.subjects] == ["project", "installation"]
    assert identified(signed(claims(groups="sellers"))).rights.project == ads.id
    for elsewhere in ({"groups": ["others"]}, {}):
        assert refusal(signed(claims(**elsewhere)))[0] == 403
    issuer.default_project = ads
    issuer.save()
    freshness.check_now()
    assert identified(signed(claims())).rights.project == ads.id


@pytest.mark.parametrize("change", ["off", "another audience", "project off"])
def test_a_change_of_the_issuer_holds_for_tokens_that_are_known(issuer, change, settings):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True  # where it would be worst to take the token for something else
    issuer.default_project = Project.objects.create(name="search")
    issuer.save()
    freshness.check_now()
    token = signed(claims())
    identified(token)
    issuer.enabled = change != "off"
    issuer.audience = "another" if change == "another audience" else US
    issuer.default_project.enabled = change != "project off"
    issuer.default_project.save()
    issuer.save()
    freshness.check_now()
    assert refusal(token)[0] in (401, 403)


def test_a_foreign_issuers_token_is_still_nobodys(issuer):
    assert refusal(signed(claims(iss="https://other.example.com"))) == (401, WRONG)


def test_a_new_key_of_the_issuer_is_asked_for_but_not_for_each_token(issuer, upstream):
    upstream.script(loopback.answer({"keys": LISTED[:1]}))
    identified(signed(claims(), "r"))
    assert [refusal(signed(claims(sub=who), "e")) for who in "abc"] == [(401, WRONG)] * 3
    assert upstream.count == 1
    jwks._sets[issuer.jwks_url].tried_at -= jwks.RETRY_SECONDS
    upstream.script(loopback.answer({"keys": LISTED}))
    assert identified(signed(claims(), "e")).kind == "outside"
    assert upstream.count == 2


def test_while_the_keys_cannot_be_had_what_is_kept_goes_on_for_a_while_and_then_it_is_503(issuer, upstream):
    upstream.script(loopback.answer(b"broken", status=500))
    assert refusal(signed(claims()))[0] == 503
    kept = jwks._sets[issuer.jwks_url]
    kept.tried_at -= jwks.RETRY_SECONDS
    upstream.script(loopback.answer({"keys": LISTED}))
    identified(signed(claims()))
    upstream.script(loopback.reset)
    age(kept, jwks.FRESH_SECONDS + 1)
    assert identified(signed(claims(sub="ben"))).kind == "outside"
    kept.read_at -= jwks.STALE_SECONDS
    assert refusal(signed(claims(sub="cleo")))[0] == 503


def test_a_key_that_is_withdrawn_ends_the_tokens_that_are_known_too(issuer, upstream):
    withdrawn, staying = signed(claims(), "r"), signed(claims(), "e")
    assert [identified(token).kind for token in (withdrawn, staying)] == ["outside"] * 2
    known = threading.Event()

    def once_known(call):
        known.wait(20)
        loopback.answer({"keys": LISTED[1:]})(call)

    upstream.script(once_known)
    kept = jwks._sets[issuer.jwks_url]
    age(kept, jwks.FRESH_SECONDS + 1)
    assert identified(withdrawn).kind == "outside"  # nobody waits while the keys are asked for
    known.set()
    assert upstream.wait_until(lambda: "r" not in kept.keys)
    assert refusal(withdrawn) == (401, WRONG)
    assert identified(staying).kind == "outside"
    assert upstream.count == 2


def test_while_the_keys_cannot_be_had_known_tokens_go_on_for_an_hour_and_no_longer(issuer, upstream):
    token = signed(claims())
    identified(token)
    upstream.script(loopback.reset)
    kept = jwks._sets[issuer.jwks_url]
    age(kept, jwks.FRESH_SECONDS + 1)
    assert [identified(token).kind for _ in range(5)] == ["outside"] * 5
    assert upstream.wait_until(lambda: upstream.count == 2)
    age(kept, jwks.STALE_SECONDS)
    assert refusal(token)[0] == 503


def age(kept, seconds):
    """As if the keys had been read, and asked for, so much earlier."""
    kept.read_at -= seconds
    kept.tried_at -= seconds


def test_keys_are_never_fetched_from_a_private_address_that_is_not_listed(issuer, upstream, settings):
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ()
    assert refusal(signed(claims()))[0] == 503
    assert upstream.count == 0


def test_only_strong_public_signing_keys_of_a_set_are_used():
    weak = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    shared = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "s"}
    odd = [weak, shared, {**LISTED[0], "use": "enc"}, {**LISTED[0], "alg": "HS256"}, {"kty": "RSA"}, "text", None]
    assert jwks.usable({"keys": odd}) == {}
    assert set(jwks.usable({"keys": [*odd, LISTED[1]]})) == {"e", ""}
    assert set(jwks.usable({"keys": LISTED})) == {"r", "e", "d"}
    for document in ([], {"keys": {}}, "text", None):
        with pytest.raises(ValueError, match="no JWKS"):
            jwks.usable(document)
