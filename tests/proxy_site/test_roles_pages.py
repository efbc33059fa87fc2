"""What the pages show to who may open them: no secret, no prompt, no user that the role may not see."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from keys.models import Role
from tests.proxy_site.access import Objects, made, member

pytestmark = pytest.mark.django_db
SECRET = "sk-planted-secret-1234"


@pytest.fixture
def objects() -> Objects:
    return made()


def browser(role: Role) -> Client:
    client = Client()
    client.force_login(member(role))
    return client


def page(client: Client, model: str, name: str = "") -> str:
    url = reverse(f"admin:{model}_change", args=[name]) if name else reverse(f"admin:{model}_changelist")
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_key_manager_reads_a_credential_without_its_secret_or_a_field_for_it(objects: Objects) -> None:
    text = page(browser(Role.KEY_MANAGER), "keys_providercredential", objects.paths["providercredential"])
    assert SECRET not in text
    assert not re.search(r'<(input|textarea|select)[^>]*name="(secret|base_url|headers)"', text)


def test_the_side_bar_names_what_a_role_may_see_and_no_more(objects: Objects) -> None:
    def named(role: Role) -> set[str]:
        text = browser(role).get("/admin/").content.decode()
        return {
            name
            for name in ("virtualkey", "providercredential", "usagerecord", "user", "auditentry")
            if f"/{name}/" in text
        }

    assert named(Role.LOG_READER) == {"virtualkey", "usagerecord"}
    assert named(Role.KEY_MANAGER) == {"virtualkey", "usagerecord", "providercredential"}
    assert named(Role.ADMIN) == {"virtualkey", "usagerecord", "providercredential", "auditentry"}


def test_a_log_reader_finds_no_way_to_change_a_key(objects: Objects) -> None:
    text = page(browser(Role.LOG_READER), "keys_virtualkey", objects.paths["virtualkey"])
    assert "/revoke/" not in text
    assert 'name="_save"' not in text
    assert "Issue a key" not in page(browser(Role.BODY_READER), "keys_virtualkey")
