"""Completions sealed to their caller: only the request and the token together open them, whoever has the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from tests.bodies import openai_answer
from tests.live import Answer, Live
from tests.loopback import answer
from tests.proxy_api.asking import cached, hello, with_request_id

SECRET = "The answer that nobody else may read"
SEAL = """
from keys.models import Project, VirtualKey
project = Project.objects.get_or_create(name="sealing")[0]
fields = {"seal_to_caller": True, "log_bodies": "full", "cache_scope": "project", "project": project}
for key in VirtualKey.objects.filter(name__in=names):
    for name, value in fields.items():
        setattr(key, name, value)
    key.save()
"""
# With the database, the master keys and the pepper: all that the installation keeps.
OPEN = """
from cache_admin.completions import read_value
from cache_admin.models import StoredCompletion
from cache_admin.sealed import unseal_completion
from keys.secrecy.sealing import SealBroken
row = StoredCompletion.objects.get(request_id=request_id)
attempts = [
    lambda: read_value(row.digest, row.scope, bytes(row.answer_sealed)),
    lambda: unseal_completion(row.digest, row.scope, "request", bytes(row.request_sealed)),
]
result = []
for attempt in attempts:
    try:
        attempt()
    except SealBroken:
        result.append("broken")
"""
ROTATE = """
from datetime import timedelta
from django.utils import timezone
from keys.administration import issuing
from keys.models import VirtualKey
result = issuing.rotate(VirtualKey.objects.get(name=name), timedelta(hours=1), timezone.now())
"""


@dataclass
class Sealed:
    """Two keys of one project that shares its cache, both sealing to their callers, and a call of the first."""

    live: Live
    mine: str
    other: str
    body: dict[str, Any]
    first: Answer

    def ask(self, token: str, **headers: str) -> Answer:
        return self.live.chat(self.body, authorization=f"Bearer {token}", **headers)


@pytest.fixture
def called(live: Live) -> Sealed:
    names = [f"sealing-{time.monotonic_ns()}", f"sealing-too-{time.monotonic_ns()}"]
    mine, other = (live.key(name) for name in names)
    live.python(SEAL, names=names)
    live.upstream.script(answer(openai_answer(SECRET)))
    body = hello(temperature=0)
    found = live.chat(body, authorization=f"Bearer {mine}")
    assert cached(found) == "MISS"
    return Sealed(live, mine, other, body, found)


def test_the_same_caller_hits_in_either_tier(called: Sealed) -> None:
    assert cached(called.ask(called.mine)) == "HIT"
    digest = called.live.usage(with_request_id(called.first))["cache_digest"]
    with redis.Redis.from_url(called.live.valkey.url, db=1) as client:
        assert client.delete(f"c:{digest}") == 1
        found = called.ask(called.mine)
        assert (cached(found), found.json()["choices"][0]["message"]["content"]) == ("HIT", SECRET)
        assert client.exists(f"c:{digest}")


def test_another_key_of_the_same_scope_misses_and_spoils_nothing(called: Sealed) -> None:
    assert cached(called.ask(called.other)) == "MISS"
    assert [cached(called.ask(token)) for token in (called.mine, called.other)] == ["HIT", "HIT"]
    assert called.live.upstream.count == 2


def test_nothing_that_the_installation_keeps_opens_it(called: Sealed) -> None:
    request_id = with_request_id(called.first)
    called.live.usage(request_id)
    assert called.live.python(OPEN, request_id=request_id) == ["broken", "broken"]
    assert called.live.rows("SELECT * FROM cache_admin_usagebody WHERE id = %s", request_id) == []
    with redis.Redis.from_url(called.live.valkey.url, db=1) as client:
        kept = b"".join(client.dump(key) or b"" for key in client.scan_iter())
    assert SECRET.encode() not in kept


def test_a_rotated_key_finds_old_answers_by_its_old_secret_alone(called: Sealed) -> None:
    name = called.live.usage(with_request_id(called.first))["key_name"]
    renewed = str(called.live.python(ROTATE, name=name))
    assert cached(called.ask(called.mine)) == "HIT"
    assert cached(called.ask(renewed)) == "MISS"
    assert cached(called.ask(renewed)) == "HIT"


def test_a_rotation_of_the_master_keys_leaves_it_as_it_is(called: Sealed) -> None:
    called.live.usage(with_request_id(called.first))
    called.live.manage("rotate_secrets")
    assert cached(called.ask(called.mine)) == "HIT"
