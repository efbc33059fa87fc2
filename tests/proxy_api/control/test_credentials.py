"""Credentials at /v1/admin/credentials: secrets go in and do not come out."""

from __future__ import annotations

import pytest

from keys.models import AuditEntry, ProviderCredential
from tests.proxy_api.control.asking import Admin

SECRET = "sk-planted-secret-1234"
OURS = {"name": "ours", "provider": "openai", "secret": SECRET}


def test_a_secret_goes_in_and_only_its_last_four_and_a_fingerprint_come_out(admin: Admin) -> None:
    answer = admin.post("credentials", {**OURS, "models": ["gpt-*"], "priority": 1, "weight": 5})
    made = answer.made()
    assert (made["last_four"], made["state"], made["enabled"]) == ("1234", "ready", True)
    assert len(made["fingerprint"]) == 12
    row = ProviderCredential.objects.get(id=made["id"])
    secret = row.secret()
    assert secret is not None
    assert secret.reveal() == SECRET
    read = admin.get(f"credentials/{row.id}").body + admin.get("credentials").body + answer.body
    assert SECRET.encode() not in read
    assert "planted" not in str(list(AuditEntry.objects.values()))


def test_a_secret_stays_until_another_one_is_entered(admin: Admin) -> None:
    made = admin.post("credentials", OURS).made()
    where = f"credentials/{made['id']}"
    assert admin.patch(where, {"weight": 3, "enabled": False}).made()["fingerprint"] == made["fingerprint"]
    changed = admin.patch(where, {"secret": "sk-another-secret-5678"}).made()
    assert changed["last_four"] == "5678"
    assert changed["fingerprint"] != made["fingerprint"]
    secret = ProviderCredential.objects.get(id=made["id"]).secret()
    assert secret is not None
    assert secret.reveal() == "sk-another-secret-5678"


def test_a_changed_address_wants_the_secret_anew_and_gets_it_sealed_for_there(admin: Admin) -> None:
    made = admin.post("credentials", OURS).made()
    where, change = f"credentials/{made['id']}", {"base_url": "https://other.example/v1/"}
    assert admin.patch(where, change).refused() == (400, "secret")
    moved = admin.patch(where, {**change, "secret": SECRET}).made()
    assert (moved["base_url"], moved["state"]) == ("https://other.example/v1", "ready")


def test_a_secret_that_does_not_open_any_more_is_entered_anew(admin: Admin) -> None:
    made = admin.post("credentials", OURS).made()
    ProviderCredential.objects.update(base_url="https://restored.example/v1")
    where = f"credentials/{made['id']}"
    assert admin.get(where).made()["state"] == "does not open"
    assert admin.patch(where, {"secret": SECRET}).made()["state"] == "ready"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "x", "provider": "openai"}, "secret"),
        ({**OURS, "provider": "opanai"}, "provider"),
        ({**OURS, "secret": "two words"}, "secret"),
        ({**OURS, "secret": "dgm_" + "a" * 49}, "secret"),
        ({**OURS, "secret": "dga_" + "a" * 49}, "secret"),
        ({**OURS, "base_url": "http://10.0.0.1/v1"}, "base_url"),
        ({**OURS, "base_url": "https://user@host.example/"}, "base_url"),
        ({**OURS, "headers": {"authorization": "x"}}, "headers"),
        ({**OURS, "headers": {"x-gateway-key": "x"}}, "headers"),
        ({**OURS, "headers": {"x-gateway-key": "{gateway}"}}, "headers"),
        ({**OURS, "options": {"region": "x"}}, "options"),
        ({**OURS, "options": {"region": 1.5, "b": []}}, "options.b"),
        ({**OURS, "regions": ["eu-west-1"]}, "regions"),
        ({**OURS, "weight": 0}, "weight"),
        ({**OURS, "sealed": "x"}, "sealed"),
        ({**OURS, "fingerprint": "x"}, "fingerprint"),
        ({**OURS, "project": "nobody"}, "project"),
    ],
)
def test_a_mistake_is_answered_with_its_parameter_and_without_the_secret(
    admin: Admin, body: dict[str, object], param: str
) -> None:
    answer = admin.post("credentials", body)
    assert answer.refused() == (400, param)
    assert b"planted" not in answer.body
    assert not ProviderCredential.objects.exists()


def test_a_credential_is_tried_at_its_own_address_and_nothing_of_the_request_is_read(
    admin: Admin, settings: object
) -> None:
    made = admin.post("credentials", {**OURS, "base_url": "https://nowhere.invalid/v1"}).made()
    where = f"credentials/{made['id']}/test"
    assert admin.post(where, {"base_url": "https://127.0.0.1/"}).refused() == (400, "base_url")
    (found,) = admin.post(where).made()["found"]
    assert found["ok"] is False
    assert found["status"] is None
    assert "nowhere.invalid" in found["said"]
    assert AuditEntry.objects.filter(action="credential.tested", target_id=made["id"]).exists()


def test_a_deleted_credential_is_gone(admin: Admin) -> None:
    made = admin.post("credentials", OURS).made()
    assert admin.get("credentials?provider=openai").json()["data"][0]["id"] == made["id"]
    assert admin.get("credentials?project=nobody").json()["data"] == []
    assert admin.delete(f"credentials/{made['id']}").status == 204
    assert not ProviderCredential.objects.exists()
    assert AuditEntry.objects.get(action="credential.deleted").changes["fingerprint"] == made["fingerprint"]
