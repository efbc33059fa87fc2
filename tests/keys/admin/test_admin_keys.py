"""The pages of admin keys: shown once, refused once revoked, and for administrators alone."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from keys.administration import admin_access, issuing
from keys.administration.roles import GROUPS
from keys.entrance.refusals import AccessRefused
from keys.models import AdminKey, AuditEntry, Role
from tests.keys.admin.asking import HOSTILE, change, errors_of

pytestmark = pytest.mark.django_db
ADD = reverse("admin:keys_adminkey_add")
LIST = reverse("admin:keys_adminkey_changelist")
TOKEN = re.compile(r"dga_[0-9A-Za-z]{49}")


def revoke_page(key):
    return f"/admin/keys/adminkey/{key.pk}/revoke/"


def test_an_admin_key_is_shown_once_with_a_snippet_and_opens_the_api(operator):
    page = operator.post(ADD, {"name": "ci", "role": "key_manager"})
    token = TOKEN.search(page.content.decode()).group()
    assert "http://testserver/v1/admin/keys" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert (admin_access.identify(f"Bearer {token}").name, AdminKey.objects.get().role) == ("ci", "key_manager")
    for later in (LIST, change(AdminKey.objects.get())):
        assert token not in operator.get(later).content.decode()
    entry = AuditEntry.objects.get(action="admin_key.issued")
    assert token not in str(vars(entry))


def test_a_form_that_is_sent_twice_issues_one_key(operator):
    offered = re.search(r'name="issue" value="([^"]+)"', operator.get(ADD).content.decode())[1]
    given = {"name": "ci", "role": "log_reader", "issue": offered}
    assert TOKEN.search(operator.post(ADD, given).content.decode())
    again = operator.post(ADD, given, follow=True).content.decode()
    assert "its secret is not shown again" in again
    assert AdminKey.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("role", {"role": "superuser"}),
        ("role", {"role": ""}),
        ("expires_at", {"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(operator, field, given):
    assert field in errors_of(operator.post(ADD, {"name": "ci", "role": "admin", **given}))
    assert not AdminKey.objects.exists()


def test_a_revoked_admin_key_is_refused_and_stays_in_the_list(operator):
    key, token = issuing.issue_admin("ci", Role.ADMIN)
    assert "Yes, revoke" in operator.get(revoke_page(key)).content.decode()
    assert admin_access.identify(f"Bearer {token}").name == "ci"
    operator.post(revoke_page(key))
    admin_access.forget()
    with pytest.raises(AccessRefused):
        admin_access.identify(f"Bearer {token}")
    assert "revoked" in operator.get(LIST).content.decode()
    assert AuditEntry.objects.filter(action="admin_key.revoked", target_id=key.pk).exists()
    assert operator.post(revoke_page(key)).status_code == 404
    assert operator.post(f"/admin/keys/adminkey/{key.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_key_manager_sees_and_issues_no_admin_key(client):
    key, _ = issuing.issue_admin("ci", Role.ADMIN)
    manager = User.objects.create_user("manager", is_staff=True)
    manager.groups.add(Group.objects.get(name=GROUPS[Role.KEY_MANAGER]))
    client.force_login(manager)
    for where in (LIST, ADD, change(key), revoke_page(key)):
        assert client.get(where).status_code == 403
    assert client.post(ADD, {"name": "mine", "role": "admin"}).status_code == 403
    assert client.post(revoke_page(key)).status_code == 403
    assert AdminKey.objects.get().revoked_at is None


def test_a_name_is_shown_as_text(operator):
    page = operator.post(ADD, {"name": HOSTILE, "role": "admin"})
    for shown in (page, operator.get(LIST), operator.get(change(AdminKey.objects.get()))):
        assert "<script>alert" not in shown.content.decode()
