import base64
import json
import logging
import secrets
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection

from keys import checks, freshness
from keys.administration import issuing
from keys.entrance import access
from keys.models import InstallationSecret, ProviderCredential
from keys.outward import credentials
from keys.outward.credentials import Declared
from keys.outward.options import Option, Part
from keys.secrecy import resealing
from keys.secrecy.pepper import forget, peppered
from keys.secrecy.sealing import SealBroken

pytestmark = pytest.mark.django_db
BEDROCK = Declared(
    options=(Option("region", ("AWS_REGION", "AWS_DEFAULT_REGION")),),
    parts=(Part("id", "AWS_ID"), Part("key", "AWS_KEY"), Part("session", "AWS_SESSION", needed=False)),
)


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    monkeypatch.setattr(credentials, "_declared", {})
    told = {"openai": Declared(("OPENAI_KEY",)), "ollama": Declared(keyless=True), "bedrock-mantle": Declared()}
    credentials.declare({**told, "bedrock": BEDROCK})


def row(name="ours", provider="openai", secret="sk-planted-secret-1234", **fields):
    made = ProviderCredential(name=name, provider=provider, **fields)
    made.put_secret(secret, peppered("fingerprint", secret)[:12])
    made.save()
    return made


def test_a_key_in_the_environment_is_a_trusted_credential(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-env", "OPENAI_BASE_URL": "http://localhost:1/v1/"}
    (credential,) = credentials.credentials("openai")
    assert (credential.name, credential.provider, credential.id) == ("OPENAI_API_KEY", "openai", "env:openai")
    assert credential.secret.reveal() == "sk-env"
    assert (credential.base_url, credential.trusted) == ("http://localhost:1/v1", True)
    assert "sk-env" not in repr(credential)


def test_the_vendors_own_name_of_the_variable_is_read_too(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_KEY": "sk-env"}
    assert credentials.credentials("openai")[0].name == "OPENAI_KEY"


def test_a_hyphen_in_a_providers_name_is_an_underscore_in_its_variable(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"BEDROCK_MANTLE_API_KEY": "k"}
    assert len(credentials.credentials("bedrock-mantle")) == 1


def test_an_address_alone_is_a_credential_where_no_key_is_needed_or_callers_bring_theirs(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_BASE_URL": "https://gw/v1", "OLLAMA_BASE_URL": "http://box:11434/v1"}
    assert credentials.credentials("openai") == ()
    assert credentials.credentials("ollama")[0].secret is None
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    credentials.forget()
    assert credentials.credentials("openai")[0].base_url == "https://gw/v1"


def test_the_environments_credential_comes_first_and_disabled_ones_not_at_all(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-env"}
    row("second", models=["gpt-*"], base_url="https://eu.example.com/v1")
    row("off", enabled=False)
    assert [credential.name for credential in credentials.credentials("openai")] == ["OPENAI_API_KEY", "second"]
    second = credentials.named("second")[0]
    assert (second.models, second.base_url, second.trusted) == (("gpt-*",), "https://eu.example.com/v1", False)
    assert second.secret.reveal() == "sk-planted-secret-1234"


def test_credentials_cause_no_query_once_read(django_assert_num_queries):
    row()
    credentials.all_credentials()
    with django_assert_num_queries(0):
        credentials.credentials("openai")
        credentials.named("ours")


def test_a_swapped_ciphertext_does_not_open_and_is_not_used(caplog):
    first, second = row("first"), row("second", secret="sk-other-secret-5678")
    ProviderCredential.objects.filter(pk=first.pk).update(sealed=second.sealed)
    with caplog.at_level(logging.ERROR):
        broken = credentials.named("first")[0]
    assert (broken.broken, broken.secret) == (True, None)
    assert "sk-other" not in caplog.text
    assert credentials.named("second")[0].secret.reveal() == "sk-other-secret-5678"


@pytest.mark.parametrize("change", [{"base_url": "https://elsewhere.example.com/v1"}, {"provider": "ollama"}])
def test_a_secret_does_not_open_for_another_address_or_provider(change):
    made = row(base_url="https://api.example.com/v1")
    ProviderCredential.objects.filter(pk=made.pk).update(**change)
    with pytest.raises(SealBroken):
        ProviderCredential.objects.get(pk=made.pk).secret()


def test_of_a_short_secret_no_character_is_shown():
    assert row(secret="short").last_four == ""
    assert row(secret="sk-a-long-enough-secret").last_four == "cret"


def test_a_dump_of_the_tables_holds_no_planted_secret():
    planted = [f"sk-planted-{secrets.token_urlsafe(24)}" for _ in range(5)]
    for secret in planted:
        row(secret=secret)
    planted += [issuing.issue(f"key {number}")[1] for number in range(5)]
    dump = everything_in_the_tables()
    for secret in planted:
        for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("="), quote(secret, safe="")):
            assert form not in dump
            assert form.encode().hex() not in dump


def everything_in_the_tables():
    """Each row of each of our tables as text; binary columns in hex."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name.startswith("keys_")]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += [text for (text,) in cursor.fetchall()]
    assert len(rows) > 10
    return "\n".join(rows)


def test_rotation_keeps_credentials_and_issued_keys_working(settings, capsys):
    made = row()
    _, token = issuing.issue("team")
    old = settings.DRAGOMAN_MASTER_KEYS
    new = secrets.token_urlsafe(32)
    settings.DRAGOMAN_MASTER_KEYS = (new, *old)
    call_command("rotate_secrets")
    settings.DRAGOMAN_MASTER_KEYS = (new,)
    forget()
    access.forget()
    credentials.forget()
    assert ProviderCredential.objects.get(pk=made.pk).secret().reveal() == "sk-planted-secret-1234"
    assert credentials.named("ours")[0].secret.reveal() == "sk-planted-secret-1234"
    assert access.identify(f"Bearer {token}", None).name == "team"
    assert "provider credentials: 1" in capsys.readouterr().out


def test_rotating_twice_seals_nothing_anew():
    row()
    assert [resealing.reseal(name) for name in resealing.names()].count(0) == len(resealing.names())


def test_other_apps_have_what_they_keep_sealed_anew_too(monkeypatch, capsys):
    monkeypatch.setattr(resealing, "_resealers", dict(resealing._resealers))
    resealing.register("completions", lambda: 7)
    call_command("rotate_secrets")
    assert "completions: 7" in capsys.readouterr().out


def test_a_value_that_does_not_open_ends_the_rotation_with_an_error_that_names_it(settings):
    row()
    settings.DRAGOMAN_MASTER_KEYS = (secrets.token_urlsafe(32),)
    with pytest.raises(Exception, match="provider credentials"):
        call_command("rotate_secrets")


def test_the_pepper_is_made_once_and_stays():
    before = peppered("purpose", "text")
    forget()
    assert peppered("purpose", "text") == before
    assert peppered("other purpose", "text") != before
    assert InstallationSecret.objects.count() == 1


def test_misconfigured_secrets_are_named_by_the_checks_and_not_shown(settings):
    settings.DRAGOMAN_MASTER_KEYS = ("too-short-a-key",)
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk with blanks", "OLLAMA_BASE_URL": "localhost:11434"}
    found = {
        message.id: str(message)
        for check in (checks.key_ring, checks.environment_keys, checks.environment_addresses)
        for message in check(None)
    }
    assert set(found) == {"keys.E001", "keys.E002", "keys.E003"}
    assert "too-short" not in str(found)
    assert "sk with" not in str(found)


def test_a_key_with_a_blank_inside_is_not_used(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk with blanks"}
    assert credentials.credentials("openai") == ()


def test_a_reload_that_finds_the_snapshot_unused_reads_nothing(django_assert_num_queries):
    credentials.forget()
    with django_assert_num_queries(0):
        credentials.reload()
    freshness.check_now()


def test_options_come_from_their_variables_the_providers_own_name_first(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"BEDROCK_API_KEY": "k", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x"}
    assert credentials.credentials("bedrock")[0].options == {"region": "eu-west-1"}
    settings.DRAGOMAN_PROVIDER_ENV["BEDROCK_REGION"] = "eu-north-1"
    credentials.forget()
    assert credentials.credentials("bedrock")[0].options == {"region": "eu-north-1"}


def test_a_secret_in_parts_is_one_object_and_stands_behind_a_key(settings):
    parts = {"AWS_ID": "AKIA1", "AWS_KEY": "a/b+c"}
    settings.DRAGOMAN_PROVIDER_ENV = parts
    (credential,) = credentials.credentials("bedrock")
    assert credential.name == "AWS_ID"
    assert json.loads(credential.secret.reveal()) == {"id": "AKIA1", "key": "a/b+c"}
    settings.DRAGOMAN_PROVIDER_ENV = {**parts, "AWS_SESSION": "s", "BEDROCK_API_KEY": "k"}
    credentials.forget()
    assert credentials.credentials("bedrock")[0].secret.reveal() == "k"


@pytest.mark.parametrize("given", [{"AWS_ID": "AKIA1"}, {"AWS_KEY": "k"}, {"AWS_SESSION": "s"}])
def test_half_a_secret_is_none(settings, given):
    settings.DRAGOMAN_PROVIDER_ENV = given
    assert credentials.credentials("bedrock") == ()


def test_a_service_accounts_file_is_a_secret_although_no_header_could_hold_it(settings):
    account = json.dumps({"type": "service_account", "private_key": "-----BEGIN KEY-----\n"}, indent=2)
    settings.DRAGOMAN_PROVIDER_ENV = {"BEDROCK_API_KEY": account}
    assert credentials.credentials("bedrock")[0].secret.reveal() == account
    assert list(credentials.unsendable()) == []


def test_options_alone_are_a_credential_where_callers_bring_their_keys(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"AWS_REGION": "eu-west-1"}
    assert credentials.credentials("bedrock") == ()
    settings.DRAGOMAN_ALLOW_PROVIDER_KEYS = True
    credentials.forget()
    assert credentials.credentials("bedrock")[0].options == {"region": "eu-west-1"}


def test_a_variable_that_is_no_option_is_left_out_and_said(settings):
    settings.DRAGOMAN_PROVIDER_ENV = {"BEDROCK_API_KEY": "k", "AWS_REGION": "eu west"}
    assert credentials.credentials("bedrock")[0].options == {}
    assert [fault.id for fault in checks.environment_options(None)] == ["keys.E004"]


def test_a_secret_does_not_open_once_an_option_is_another():
    stored = row(provider="bedrock", options={"region": "eu-west-1"})
    assert credentials.credentials("bedrock")[0].options == {"region": "eu-west-1"}
    ProviderCredential.objects.filter(pk=stored.pk).update(options={"region": "evil"})
    credentials.forget()
    assert credentials.credentials("bedrock")[0].broken
