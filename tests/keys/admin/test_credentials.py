import pytest
from django.urls import reverse

from keys.models import ProviderCredential
from tests.keys.admin.asking import SECRET, change, errors_of, store

pytestmark = pytest.mark.django_db


def test_a_stored_secret_is_sealed_and_never_rendered(operator):
    assert store(operator).status_code == 302
    row = ProviderCredential.objects.get()
    assert row.secret().reveal() == SECRET
    for where in (change(row), reverse("admin:keys_providercredential_changelist")):
        text = operator.get(where).content.decode()
        assert SECRET not in text
        assert f"…1234 · {row.fingerprint}" in text
    assert SECRET not in store(operator, name="").content.decode()


def test_an_empty_secret_leaves_the_stored_one(operator):
    store(operator)
    row = ProviderCredential.objects.get()
    assert store(operator, row, secret="", name="renamed", models="gpt-*").status_code == 302
    row.refresh_from_db()
    assert (row.name, row.models, row.secret().reveal()) == ("renamed", ["gpt-*"], SECRET)


@pytest.mark.parametrize(
    "changed",
    [
        {"base_url": "https://elsewhere.example.com/v1"},
        {"provider": "custom"},
        {"base_url": "https://api.example.com/v2"},
    ],
)
def test_a_changed_address_asks_for_the_secret_again(operator, changed):
    store(operator, base_url="https://api.example.com/v1")
    row = ProviderCredential.objects.get()
    kept = {"base_url": row.base_url, **changed}
    assert "secret" in errors_of(store(operator, row, secret="", **kept))
    row.refresh_from_db()
    assert (row.base_url, row.secret().reveal()) == ("https://api.example.com/v1", SECRET)
    assert store(operator, row, **{**kept, "secret": "sk-the-new-one-5678"}).status_code == 302
    row.refresh_from_db()
    assert row.secret().reveal() == "sk-the-new-one-5678"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.com/v1",
        "https://127.0.0.1/v1",
        "https://2130706433/v1",
        "https://user:pw@api.example.com/v1",
        "https://169.254.169.254/v1",
        "ftp://api.example.com",
        "https://api.example.com/v1?key=1",
    ],
)
def test_a_private_or_odd_address_is_refused(operator, address):
    assert "base_url" in errors_of(store(operator, base_url=address))
    assert not ProviderCredential.objects.exists()


def test_a_private_address_that_the_operator_lists_is_taken(operator, settings):
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    assert store(operator, base_url="http://127.0.0.1:11434/v1/").status_code == 302
    assert ProviderCredential.objects.get().base_url == "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize("secret", ["sk with blanks", "sk-\u00e9", "sk\u0000", "dgm_something"])
def test_a_secret_that_cannot_be_sent_or_is_ours_is_refused(operator, secret):
    assert "secret" in errors_of(store(operator, secret=secret))


def test_only_a_keyless_provider_goes_without_a_secret(operator):
    assert "secret" in errors_of(store(operator, secret=""))
    assert store(operator, provider="ollama", secret="").status_code == 302


@pytest.mark.parametrize("provider", ["nobody", ""])
def test_a_provider_is_chosen_from_those_declared(operator, provider):
    assert "provider" in errors_of(store(operator, provider=provider))


def test_credentials_of_the_environment_are_shown_without_their_secret(operator):
    text = operator.get(reverse("admin:keys_providercredential_changelist")).content.decode()
    assert "OPENAI_API_KEY" in text
    assert "sk-from-the-environment" not in text


def test_a_credential_without_an_address_goes_to_the_providers_own(operator):
    store(operator)
    page = operator.get(reverse("admin:keys_providercredential_changelist")).content.decode()
    assert "the provider&#x27;s own" in page


def test_a_credential_that_does_not_open_says_so_in_the_list(operator):
    store(operator)
    ProviderCredential.objects.update(base_url="https://moved.example.com/v1")
    assert "does not open" in operator.get(reverse("admin:keys_providercredential_changelist")).content.decode()


def test_options_are_lines_and_a_part_of_what_the_secret_is_bound_to(operator):
    given = {"provider": "vertex", "options": "project = p-1\nlocation=eu"}
    assert store(operator, **given).status_code == 302
    row = ProviderCredential.objects.get()
    assert row.options == {"project": "p-1", "location": "eu"}
    assert row.secret().reveal() == SECRET
    assert b"location=eu" in operator.get(change(row)).content
    refused = store(operator, row, **{**given, "options": "project=p-2", "secret": ""})
    assert b"enter the secret anew" in refused.content
    assert store(operator, row, **{**given, "options": "project=p-2"}).status_code == 302
    row.refresh_from_db()
    assert (row.options, row.secret().reveal()) == ({"project": "p-2"}, SECRET)


@pytest.mark.parametrize("options", ["region=eu", "project", "=x", "project=", "project=a b", "project=a\nproject=b"])
def test_an_option_that_is_unknown_or_malformed_is_refused(operator, options):
    assert store(operator, provider="vertex", options=options).status_code == 200
    assert not ProviderCredential.objects.exists()


def test_a_service_accounts_file_can_be_entered_as_the_secret(operator):
    account = '{"type": "service_account", "private_key": "-----BEGIN KEY-----\\n"}'
    store(operator, provider="vertex", secret=account)
    assert ProviderCredential.objects.get().secret().reveal() == account
