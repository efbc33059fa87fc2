import base64
import json
import os
import secrets
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from keys import freshness
from keys.administration import issuing
from keys.entrance import access, remembered, tokens
from keys.entrance.refusals import AccessRefused
from keys.models import ANONYMOUS, VirtualKey

pytestmark = pytest.mark.django_db

MISSING = (401, "invalid_api_key", "Missing Authentication header")
WRONG = (401, "invalid_api_key", "Incorrect API key provided.")


def refusal(authorization=None, api_key=None):
    with pytest.raises(AccessRefused) as raised:
        access.identify(authorization, api_key)
    return raised.value.status, raised.value.code, raised.value.message


def bearer(token):
    return f"Bearer {token}"


def jwt(**claims):
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256"}, claims, "signature")
    )


def test_an_issued_key_is_known_by_bearer_token_and_by_api_key_header():
    key, token = issuing.issue("team", models=["openai/*"])
    by_bearer = access.identify(bearer(token), None)
    assert by_bearer == access.identify(None, token)
    assert (by_bearer.kind, by_bearer.id, by_bearer.name, by_bearer.rights.models) == (
        "virtual",
        key.id,
        "team",
        ("openai/*",),
    )
    assert by_bearer.scope == f"key:{key.id}"


def test_a_key_that_seals_to_its_caller_marks_its_token_and_shows_the_mark_to_nobody():
    key, token = issuing.issue("team")
    assert access.identify(bearer(token), None).caller_mark == b""
    key.seal_to_caller = True
    key.save()
    freshness.check_now()
    mark = access.identify(bearer(token), None).caller_mark
    assert len(mark) == 32
    assert mark == access.identify(None, token).caller_mark
    assert mark.hex() not in repr(access.identify(bearer(token), None)) + access.digest_of(token)
    assert str(mark) not in repr(access.identify(bearer(token), None))


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_may_have_any_case(scheme):
    _, token = issuing.issue("team")
    assert access.identify(f"{scheme} {token}", None).name == "team"


@pytest.mark.parametrize("headers", [(None, None), ("", ""), ("Bearer", None), ("Bearer ", None), ("Bearer a b", None)])
def test_without_exactly_two_words_the_header_counts_as_missing(headers):
    assert refusal(*headers) == MISSING


def test_the_api_key_header_does_not_make_up_for_a_bad_authorization():
    _, token = issuing.issue("team")
    assert refusal("Bearer nonsense", token) == WRONG
    assert refusal(f"Basic {token}", token) == WRONG


def test_wrong_unknown_revoked_expired_and_mistyped_keys_get_one_and_the_same_answer():
    revoked, revoked_token = issuing.issue("revoked")
    issuing.revoke(revoked, timezone.now())
    _, expired_token = issuing.issue("expired", expires=timezone.now() - timedelta(seconds=1))
    unknown = tokens.new_token(secrets.token_bytes(32))
    for token in (revoked_token, expired_token, unknown, unknown[:-1], "dgm_", "sk-something", "\xff\x00"):
        assert refusal(bearer(token)) == WRONG


def test_a_key_that_expires_while_it_is_known_is_refused_at_that_moment():
    _, token = issuing.issue("brief", expires=timezone.now() + timedelta(seconds=0.3))
    assert access.identify(bearer(token), None).name == "brief"
    time.sleep(0.35)
    assert refusal(bearer(token)) == WRONG


def test_a_million_random_tokens_with_bad_checksums_cause_no_query(django_assert_num_queries):
    refused = 0
    with django_assert_num_queries(0):
        for _ in range(1_000_000):
            try:
                access.identify(f"Bearer dgm_{os.urandom(25).hex()[:49]}", None)
            except AccessRefused:
                refused += 1
    assert refused == 1_000_000


def test_a_known_key_causes_no_query_and_an_unknown_one_only_its_first(django_assert_num_queries):
    _, token = issuing.issue("team")
    unknown = tokens.new_token(secrets.token_bytes(32))
    access.identify(bearer(token), None)
    refusal(bearer(unknown))
    with django_assert_num_queries(0):
        for _ in range(100):
            access.identify(bearer(token), None)
            refusal(bearer(unknown))


def test_two_tokens_with_a_long_common_prefix_keep_their_identities():
    first_token = tokens.new_token(b"\x77" * 31 + b"\x01")
    second_token = tokens.new_token(b"\x77" * 31 + b"\x02")
    assert first_token[:40] == second_token[:40]
    for name, token in (("first", first_token), ("second", second_token)):
        VirtualKey.objects.create(name=name, prefix=token[:9], last_four=token[-4:], digest=access.digest_of(token))
    for _ in range(3):
        assert access.identify(bearer(first_token), None).name == "first"
        assert access.identify(bearer(second_token), None).name == "second"


def test_a_key_issued_after_it_was_refused_works_after_the_next_poll():
    token = tokens.new_token(secrets.token_bytes(32))
    assert refusal(bearer(token)) == WRONG
    VirtualKey.objects.create(name="late", prefix="p", last_four="l", digest=access.digest_of(token))
    freshness.check_now()
    assert access.identify(bearer(token), None).name == "late"


def test_a_changed_key_is_read_anew_after_the_poll():
    key, token = issuing.issue("team", models=["gpt-*"])
    assert not access.identify(bearer(token), None).rights.may_use("anthropic", "claude")
    key.models = []
    key.save()
    freshness.check_now()
    assert access.identify(bearer(token), None).rights.may_use("anthropic", "claude")


def test_what_is_kept_of_unknown_and_known_keys_is_bounded():
    kept = {}
    for number in range(50):
        remembered.put(kept, str(number), remembered.Entry(None, 0, 0.0), 10)
    assert sorted(kept, key=int) == [str(number) for number in range(40, 50)]


def test_a_token_that_is_not_ours_is_wrong_unless_provider_keys_are_allowed(settings):
    assert refusal(bearer("sk-proj-abc")) == WRONG
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    identity = access.identify(bearer("sk-proj-abc"), None)
    assert identity.kind == "provider_key"
    assert identity.provider_key.reveal() == "sk-proj-abc"
    assert "sk-proj-abc" not in f"{identity}{identity.scope}{identity.id}"


def test_each_provider_key_has_a_cache_scope_of_its_own(settings):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    first, again, second = (access.identify(bearer(key), None).scope for key in ("sk-a", "sk-a", "sk-b"))
    assert first == again != second


def test_what_was_meant_to_be_ours_is_never_taken_for_a_provider_key(settings):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    token = tokens.new_token(secrets.token_bytes(32))
    for ours in (token, token[:-1], token.upper(), token[1:], f'"{token}"', "dgm_", jwt(iss="braintrust_proxy")):
        assert refusal(bearer(ours))[:2] == WRONG[:2]


def test_a_foreign_jwt_may_be_a_provider_key(settings):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    for token in (jwt(iss="https://accounts.google.com"), "a.b.c", "a.!.c", f"a.{'W' * 4000}.c"):
        assert access.identify(bearer(token), None).kind == "provider_key"


@pytest.mark.parametrize("token", ["sk\x00a", "sk-\xe9", "sk\r\nx", "sk\t"])
def test_a_provider_key_that_cannot_stand_in_a_header_is_refused(settings, token):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    assert refusal(None, token) == WRONG


def test_without_a_token_the_anonymous_key_is_used_where_it_is_allowed(settings):
    settings.DRAGOMAN_ALLOW_ANONYMOUS = True
    identity = access.identify(None, None)
    assert (identity.kind, identity.id, identity.scope) == ("anonymous", ANONYMOUS, f"key:{ANONYMOUS}")
    assert refusal(bearer("nonsense")) == WRONG


def test_a_revoked_anonymous_key_lets_nobody_in(settings):
    settings.DRAGOMAN_ALLOW_ANONYMOUS = True
    issuing.revoke(VirtualKey.objects.get(id=ANONYMOUS), timezone.now())
    assert refusal() == MISSING


def test_no_token_finds_the_anonymous_row():
    assert refusal(bearer(ANONYMOUS)) == WRONG


def test_a_key_says_how_its_calls_are_logged_and_cached():
    key, token = issuing.issue("team")
    key.log_bodies, key.cache_mode = "full", "never"
    key.save()
    identity = access.identify(bearer(token), None)
    assert (identity.log_bodies, identity.cache_mode) == ("full", "never")
