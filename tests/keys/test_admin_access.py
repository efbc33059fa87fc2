"""Admin keys: who is let in at /v1/admin/, and that nothing else of ours opens it."""

import re
import secrets
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from keys import freshness
from keys.administration import admin_access, issuing
from keys.entrance import access, tokens
from keys.entrance.refusals import AccessRefused
from keys.models import AdminKey, AuditEntry, Role

pytestmark = pytest.mark.django_db
WRONG = (401, "invalid_api_key", "Incorrect API key provided.")


@pytest.fixture(autouse=True)
def no_admin_keys_kept():
    yield
    admin_access.forget()


def refusal(read, authorization):
    with pytest.raises(AccessRefused) as caught:
        read(authorization, None)
    return (caught.value.status, caught.value.code, caught.value.message)


def admin_key(role=Role.ADMIN, **more):
    return issuing.issue_admin("terraform", role, **more)


def test_an_admin_key_is_known_by_its_name_and_role():
    key, token = admin_key(Role.LOG_READER)
    assert re.fullmatch(r"dga_[0-9A-Za-z]{49}", token)
    identity = admin_access.identify(f"Bearer {token}")
    assert (identity.id, identity.name, identity.role) == (key.id, "terraform", Role.LOG_READER)
    assert token not in repr(identity)


def test_the_row_holds_an_hmac_of_the_token_and_nothing_to_make_one_of():
    key, token = admin_key()
    row = AdminKey.objects.get(id=key.id)
    assert re.fullmatch(r"[0-9a-f]{64}", row.digest)
    assert row.digest != access.digest_of(tokens.new_token(bytes(32)))
    assert (row.prefix, row.last_four) == (token[:9], token[-4:])


def test_an_admin_key_and_a_virtual_key_are_no_keys_of_each_others_doors(settings):
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    _, admin = admin_key()
    _, virtual = issuing.issue("team")
    assert refusal(access.identify, f"Bearer {admin}") == WRONG
    assert refusal(admin_access.identify, f"Bearer {virtual}") == WRONG
    swapped = f"dga_{virtual[4:]}"
    assert refusal(admin_access.identify, f"Bearer {swapped}") == WRONG


def test_every_wrong_admin_key_gets_the_same_answer():
    revoked, revoked_token = admin_key()
    issuing.revoke(revoked, timezone.now())
    _, expired_token = admin_key(expires=timezone.now() - timedelta(seconds=1))
    unknown = tokens.new_token(secrets.token_bytes(32), tokens.ADMIN_PREFIX)
    for token in (revoked_token, expired_token, unknown, unknown[:-1], "dga_", "sk-something", "a.b.c", "\xff"):
        assert refusal(admin_access.identify, f"Bearer {token}") == WRONG
    assert refusal(admin_access.identify, None)[0] == 401


def test_a_bad_checksum_causes_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        for _ in range(1000):
            assert refusal(admin_access.identify, f"Bearer dga_{secrets.token_hex(25)[:49]}") == WRONG


def test_a_known_admin_key_causes_no_query(django_assert_num_queries):
    _, token = admin_key()
    admin_access.identify(f"Bearer {token}")
    with django_assert_num_queries(0):
        for _ in range(100):
            admin_access.identify(f"Bearer {token}")


def test_a_revoked_admin_key_is_out_after_the_next_poll():
    key, token = admin_key()
    assert admin_access.identify(f"Bearer {token}").id == key.id
    issuing.revoke(key, timezone.now())
    freshness.check_now()
    assert refusal(admin_access.identify, f"Bearer {token}") == WRONG


def test_an_admin_key_that_expires_while_it_is_known_is_refused_at_that_moment():
    _, token = admin_key(expires=timezone.now() + timedelta(seconds=0.3))
    admin_access.identify(f"Bearer {token}")
    time.sleep(0.35)
    assert refusal(admin_access.identify, f"Bearer {token}") == WRONG


def test_a_mistyped_admin_key_is_ours_and_never_leaves_the_house():
    token = tokens.new_token(bytes(range(32)), tokens.ADMIN_PREFIX)
    for text in (token.upper(), f"'{token}'", token[2:], token.replace("_", "-")):
        assert tokens.looks_like_ours(text)


def issued(*arguments):
    out, err = StringIO(), StringIO()
    call_command("issue_admin_key", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_token_alone_and_is_on_the_audit_log():
    out, err = issued("--name", "ci", "--role", "key_manager")
    assert re.fullmatch(r"dga_[0-9A-Za-z]{49}\n", out)
    assert out.strip() not in err
    assert admin_access.identify(f"Bearer {out.strip()}").role == Role.KEY_MANAGER
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.action, entry.target_name) == ("command", "admin_key.issued", "ci")
    assert entry.changes["role"] == "key_manager"


@pytest.mark.parametrize(
    "arguments", [("--name", " ", "--role", "admin"), ("--name", "x", "--role", "admin", "--expires", "2001-01-01")]
)
def test_the_command_refuses_what_is_no_name_or_moment(arguments):
    with pytest.raises(CommandError):
        issued(*arguments)
    assert not AdminKey.objects.exists()
