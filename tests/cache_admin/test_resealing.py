"""Rotation: completions and bodies are sealed anew, open under the new ring alone, and lose nothing."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from cache_admin import completions
from cache_admin.completions import Completion, find, store
from cache_admin.ledger import closed
from cache_admin.models import StoredCompletion, UsageBody
from cache_admin.sealed import Slot, unseal_body
from cache_admin.shipping import ship
from keys.secrecy import resealing
from tests.cache_admin.entries import entry

pytestmark = pytest.mark.django_db(transaction=True)


def test_after_rotation_everything_opens_under_the_new_key_alone(settings: Settings) -> None:
    old, new = "o" * 40, "n" * 40
    settings.DRAGOMAN_MASTER_KEYS = (old,)
    completion = Completion(b'{"id":"c"}', "openai", "gpt", "main", time.time(), 600)
    for n in range(25):
        store(Slot(bytes([n] * 32), "key:1"), replace(completion), b"", {})
    call = entry(request_body=b"asked")
    closed(call)
    ship(time.time())
    settings.DRAGOMAN_MASTER_KEYS = (new, old)
    assert resealing.reseal("cached completions") == 25
    assert resealing.reseal("logged bodies") == 1
    assert resealing.reseal("cached completions") == 0
    settings.DRAGOMAN_MASTER_KEYS = (new,)
    for row in StoredCompletion.objects.all():
        completions.forget(row.digest)
        assert find(Slot(bytes.fromhex(row.digest), "key:1"), time.time()) == completion
    body = UsageBody.objects.get()
    assert unseal_body(call.id, "request", bytes(body.request_sealed)) == b"asked"
    assert bytes(body.answer_sealed) == b""
