import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from keys import access, credentials, issuing
from keys.credentials import Declared
from keys.models import ANONYMOUS, ProviderCredential, VirtualKey
from keys.options import Option
from keys.refusals import AccessRefused

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script>"{{ 7*7 }}'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;{{ 7*7 }}"
SECRET = "sk-planted-secret-1234"


@pytest.fixture(autouse=True)
def declared(monkeypatch, settings):
    monkeypatch.setattr(credentials, "_declared", {})
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-from-the-environment"}
    told = {"openai": Declared(), "ollama": Declared(keyless=True), "custom": Declared()}
    credentials.declare({**told, "vertex": Declared(options=(Option("project"), Option("location")))})


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator"))
    return client


def key_form(**fields):
    return {"name": "team", "models": "", "log_bodies": "", "cache_mode": "", "note": "", **fields}


def credential_form(**fields):
    given = {"name": "ours", "provider": "openai", "secret": SECRET, "base_url": "", "models": "", "enabled": "on"}
    return {**given, **fields}


def issue(operator, **fields):
    return operator.post(reverse("admin:keys_virtualkey_add"), key_form(**fields))


def store(operator, row=None, **fields):
    where = reverse("admin:keys_providercredential_add") if row is None else change(row)
    return operator.post(where, credential_form(**fields))


def change(row):
    return reverse(f"admin:keys_{row._meta.model_name}_change", args=[row.pk])


def action(key, name):
    return f"/admin/keys/virtualkey/{key.pk}/{name}/"


def errors_of(page):
    return page.context["adminform"].form.errors


def test_an_issued_key_is_shown_once_with_snippets_that_work(operator):
    page = issue(operator, models="openai/*\ngpt-5, gpt-4o")
    assert page.status_code == 200
    token = re.search(r"dgm_[0-9A-Za-z]{49}", page.content.decode()).group()
    assert access.identify(f"Bearer {token}", None).rights.models == ("openai/*", "gpt-5", "gpt-4o")
    text = page.content.decode()
    assert "export OPENAI_BASE_URL=&quot;" not in text
    assert f'export OPENAI_API_KEY="{token}"' in text
    assert "http://testserver/v1/chat/completions" in text
    assert "no-store" in page["Cache-Control"]


def test_the_secret_of_a_key_is_nowhere_else(operator, caplog):
    page = issue(operator)
    token = re.search(r"dgm_[0-9A-Za-z]{49}", page.content.decode()).group()
    key = VirtualKey.objects.get(name="team")
    for later in (reverse("admin:keys_virtualkey_changelist"), change(key), "/admin/", f"{change(key)}history/"):
        assert token not in operator.get(later).content.decode()
    kept = [str(vars(row)) for model in (LogEntry, VirtualKey) for row in model.objects.all()]
    kept += [str(session.get_decoded()) for session in Session.objects.all()]
    assert token not in "".join(kept) + caplog.text + str(operator.cookies)


def test_a_form_that_is_sent_twice_issues_one_key_and_shows_its_secret_once(operator):
    """Reloading the page with the secret sends the form again."""
    add = reverse("admin:keys_virtualkey_add")
    offered = re.search(r'name="issue" value="([^"]+)"', operator.get(add).content.decode())[1]
    first = issue(operator, issue=offered)
    assert "dgm_" in first.content.decode()
    again = operator.post(add, key_form(issue=offered), follow=True)
    assert again.redirect_chain == [(change(VirtualKey.objects.get(name="team")), 302)]
    assert "its secret is not shown again" in again.content.decode()
    assert not re.search(r"dgm_[0-9A-Za-z]{49}", again.content.decode())


@pytest.mark.parametrize("offered", ["", "anonymous", "../x", "\x00"])
def test_an_id_that_is_none_gives_way_to_one_of_ours(operator, offered):
    issue(operator, issue=offered)
    assert re.fullmatch(r"[0-9a-f-]{36}", VirtualKey.objects.get(name="team").pk)


def test_the_snippets_name_a_model_that_the_key_may_use(operator):
    assert "openai/gpt-4o-mini" in issue(operator).content.decode()
    text = issue(operator, models="openai/*, mistral/mistral-small").content.decode()
    assert "mistral/mistral-small" in text
    assert "gpt-4o-mini" not in text


def test_a_key_needs_a_name_and_an_expiry_that_is_to_come(operator):
    yesterday = timezone.now() - timedelta(days=1)
    page = issue(operator, name="", expires_at_0=yesterday.date().isoformat(), expires_at_1="12:00:00")
    assert set(errors_of(page)) == {"name", "expires_at"}
    assert not VirtualKey.objects.exclude(pk=ANONYMOUS).exists()


def test_the_list_shows_prefix_last_four_and_state_and_filters_by_state(operator):
    revoked, token = issuing.issue("revoked key")
    issuing.revoke(revoked, timezone.now())
    issuing.issue("expired key", expires=timezone.now() - timedelta(days=1))
    issuing.issue("active key", models=["a", "b", "c", "d"])
    everything = operator.get(reverse("admin:keys_virtualkey_changelist")).content.decode()
    assert f"{token[:9]}…{token[-4:]}" in everything
    assert "a, b, c and 1 more" in everything
    for state in ("revoked", "expired", "active"):
        text = operator.get(reverse("admin:keys_virtualkey_changelist"), {"state": state}).content.decode()
        shown = {name for name in ("revoked key", "expired key", "active key") if name in text}
        assert shown == {f"{state} key"}


def test_revoking_asks_first_and_then_refuses_the_key(operator):
    key, token = issuing.issue("team")
    assert "Yes, revoke" in operator.get(action(key, "revoke")).content.decode()
    assert VirtualKey.objects.get(pk=key.pk).revoked_at is None
    assert operator.post(action(key, "revoke")).status_code == 302
    assert VirtualKey.objects.get(pk=key.pk).revoked_at is not None
    with pytest.raises(AccessRefused):
        access.identify(f"Bearer {token}", None)
    assert LogEntry.objects.filter(object_id=key.pk, change_message="Revoked.").exists()


def test_several_keys_are_revoked_at_once_after_a_question(operator):
    keys = [issuing.issue(name)[0] for name in ("one", "two")]
    chosen = {"action": "revoke_selected", "_selected_action": [key.pk for key in keys]}
    asked = operator.post(reverse("admin:keys_virtualkey_changelist"), chosen)
    assert "Yes, revoke" in asked.content.decode()
    assert VirtualKey.objects.exclude(revoked_at=None).count() == 0
    operator.post(reverse("admin:keys_virtualkey_changelist"), {**chosen, "confirmed": "yes"})
    assert VirtualKey.objects.exclude(revoked_at=None).count() == 2


@pytest.mark.parametrize(("count", "said"), [(1, "1 key revoked."), (2, "2 keys revoked.")])
def test_the_word_for_the_revoked_keys_fits_their_number(operator, count, said):
    keys = [issuing.issue(f"key {number}")[0].pk for number in range(count)]
    chosen = {"action": "revoke_selected", "_selected_action": keys, "confirmed": "yes"}
    page = operator.post(reverse("admin:keys_virtualkey_changelist"), chosen, follow=True)
    assert said in page.content.decode()


def test_a_revoked_key_stays_revoked_but_the_anonymous_one_may_be_allowed_again(operator):
    key, _ = issuing.issue("team")
    issuing.revoke(key, timezone.now())
    assert operator.post(action(key, "allow_again")).status_code == 404
    nobody = VirtualKey.objects.get(pk=ANONYMOUS)
    operator.post(action(nobody, "revoke"))
    assert VirtualKey.objects.get(pk=ANONYMOUS).revoked_at is not None
    operator.post(action(nobody, "allow_again"))
    assert VirtualKey.objects.get(pk=ANONYMOUS).revoked_at is None


def test_the_anonymous_key_says_whether_it_is_in_use(operator, settings):
    def shown():
        page = operator.get(reverse("admin:keys_virtualkey_changelist"), {"q": ANONYMOUS})
        return page.context["cl"].model_admin.state(page.context["cl"].result_list[0])

    assert shown() == "off"
    settings.DRAGOMAN_ALLOW_ANONYMOUS = True
    assert shown() == "active"


def test_no_key_is_ever_deleted(operator):
    key, _ = issuing.issue("team")
    assert operator.post(f"/admin/keys/virtualkey/{key.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}
    operator.post(reverse("admin:keys_virtualkey_changelist"), chosen)
    assert VirtualKey.objects.filter(pk=key.pk).exists()


def test_each_page_needs_its_own_permission(client):
    key, _ = issuing.issue("team")
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_virtualkey"))
    client.force_login(reader)
    assert client.get(change(key)).status_code == 200
    assert client.get(reverse("admin:keys_virtualkey_add")).status_code == 403
    assert client.post(action(key, "revoke")).status_code == 403
    assert client.get(reverse("admin:keys_providercredential_changelist")).status_code == 403
    client.logout()
    assert client.post(action(key, "revoke")).status_code == 302
    assert VirtualKey.objects.get(pk=key.pk).revoked_at is None


def test_names_are_shown_as_text_everywhere(operator):
    page = issue(operator, name=HOSTILE, note=HOSTILE, models="<b>*</b>")
    key = VirtualKey.objects.get(name=HOSTILE)
    store(operator, name=HOSTILE)
    row = ProviderCredential.objects.get(name=HOSTILE)
    pages = [operator.get(where) for where in (change(key), action(key, "revoke"), change(row))]
    pages += [operator.get(reverse(f"admin:keys_{kind}_changelist")) for kind in ("virtualkey", "providercredential")]
    for shown in (page, *pages):
        assert "<script>alert" not in shown.content.decode()
        assert "<b>*</b>" not in shown.content.decode()
    assert ESCAPED in page.content.decode()


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


@pytest.mark.parametrize("models", ["two words", "x" * 201, "\n".join(map(str, range(501)))])
def test_a_pattern_that_no_model_could_match_is_refused(operator, models):
    assert "models" in errors_of(issue(operator, models=models))


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
