import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from keys.administration import issuing
from keys.entrance import access
from keys.entrance.refusals import AccessRefused
from keys.models import ANONYMOUS, ProviderCredential, VirtualKey
from tests.keys.admin.asking import ESCAPED, HOSTILE, action, change, errors_of, issue, key_form, store

pytestmark = pytest.mark.django_db


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
    issuing.issue("active key")
    everything = operator.get(reverse("admin:keys_virtualkey_changelist")).content.decode()
    assert f"{token[:9]}…{token[-4:]}" in everything
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


@pytest.mark.parametrize("models", ["two words", "x" * 201, "\n".join(map(str, range(501)))])
def test_a_pattern_that_no_model_could_match_is_refused(operator, models):
    assert "models" in errors_of(issue(operator, models=models))


@pytest.mark.parametrize("address", ["%00/change/", "%00/history/", "?owner=%00"])
def test_what_no_database_holds_is_the_browsers_mistake(operator, address):
    assert operator.get(f"/admin/keys/virtualkey/{address}").status_code == 400
