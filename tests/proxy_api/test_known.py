"""Aliases and the catalogue: entered in the admin, in every process within a second, in the calls that fall back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cache_admin.models import Source
from keys import freshness
from proxy_api.known import KNOWN
from proxy_api.models import Alias, CatalogModel
from tests.live import Live
from tests.loopback import answer, anthropic_answer, anthropic_stream, openai_answer, stream
from tests.proxy_api.asking import CLAUDE, MODEL, UPSTREAM_CHAT, UPSTREAM_MESSAGES, hello

ALIAS = """
from proxy_api.models import Alias
Alias.objects.filter(name=name).delete()
if targets:
    Alias.objects.create(name=name, targets=targets)
"""
ENOUGH = 40


@pytest.fixture
def smart(live: Live) -> Iterator[str]:
    """An alias of the live server: OpenAI first, then Anthropic."""
    name, known, deadline = f"smart-{uuid.uuid4().hex}", 0, time.monotonic() + 10
    live.python(ALIAS, name=name, targets=[MODEL, CLAUDE])
    while known < ENOUGH:  # each worker has to hear of it
        assert time.monotonic() < deadline
        known = known + 1 if live.request("GET", f"/v1/models/{name}").status == 200 else 0
    yield name
    live.python(ALIAS, name=name, targets=[])


def test_an_alias_is_answered_by_its_first_target_and_listed(live: Live, smart: str) -> None:
    live.upstream.script(answer(openai_answer("Hi")), path=UPSTREAM_CHAT)
    given = live.chat(hello(model=smart))
    assert (given.status, given.headers["x-dragoman-provider"], given.headers["x-dragoman-attempts"]) == (
        200,
        "openai",
        "1",
    )
    assert live.upstream.calls[0].json()["model"] == MODEL.partition("/")[2]
    assert smart in [model["id"] for model in live.request("GET", "/v1/models").json()["data"]]


@pytest.mark.parametrize("streamed", [False, True])
def test_where_the_first_target_fails_the_second_answers_in_its_own_language(
    live: Live, smart: str, streamed: bool
) -> None:
    live.upstream.script(answer(b'{"error": {"message": "busy"}}', status=503), path=UPSTREAM_CHAT)
    second_says = stream(anthropic_stream("Hi")) if streamed else answer(anthropic_answer("Hi"))
    live.upstream.script(second_says, path=UPSTREAM_MESSAGES)
    given = live.chat(hello(model=smart, max_tokens=5, stream=streamed))
    assert (given.status, given.headers["x-dragoman-provider"]) == (200, "anthropic")
    first, second = live.upstream.calls
    assert (first.json()["model"], second.json()["model"]) == (MODEL.partition("/")[2], CLAUDE.partition("/")[2])
    assert (second.path, second.json()["max_tokens"]) == (UPSTREAM_MESSAGES, 5)


def test_a_fault_of_the_callers_is_told_and_not_tried_elsewhere(live: Live, smart: str) -> None:
    live.upstream.script(answer(b'{"error": {"message": "bad", "param": "stop"}}', status=400), path=UPSTREAM_CHAT)
    assert live.chat(hello(model=smart)).status == 400
    assert live.upstream.count == 1


# -- the admin ---------------------------------------------------------------------------------------------------
@pytest.fixture
def operator(client: Client) -> Iterator[Client]:
    client.force_login(User.objects.create_superuser("operator"))
    KNOWN.forget()
    yield client
    freshness.stop()
    KNOWN.forget()


def add(operator: Client, **fields: str) -> int:
    given = {"name": "smart", "targets": f"{MODEL}\n{CLAUDE}", "enabled": "on", **fields}
    return operator.post(reverse("admin:proxy_api_alias_add"), given).status_code


@pytest.mark.django_db
def test_an_alias_entered_in_the_admin_counts(operator: Client) -> None:
    assert KNOWN.get().aliases == {}
    assert add(operator) == 302
    KNOWN.reload()
    assert KNOWN.get().aliases == {"smart": (MODEL, CLAUDE)}
    Alias.objects.update(enabled=False)
    KNOWN.reload()
    assert KNOWN.get().aliases == {}
    assert b"openai/gpt-4o-mini \xe2\x86\x92" in operator.get(reverse("admin:proxy_api_alias_changelist")).content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [{"targets": ""}, {"targets": "opnai/gpt-4o"}, {"targets": "openai/*"}, {"name": "a b"}, {"name": "gpt-*"}],
)
def test_an_alias_that_leads_nowhere_is_refused(operator: Client, fields: dict[str, str]) -> None:
    assert add(operator, **fields) == 200
    assert not Alias.objects.exists()


@pytest.mark.django_db
def test_what_an_operator_says_of_a_model_is_the_operators(operator: Client) -> None:
    row = CatalogModel.objects.create(provider="together", model="m", source=Source.SYNCED)
    given = {"provider": "together", "model": "m", "context": "1000", "max_output": "", "modalities": "text\nimage"}
    assert operator.post(reverse("admin:proxy_api_catalogmodel_change", args=[row.pk]), given).status_code == 302
    row.refresh_from_db()
    assert (row.context, row.modalities, row.source) == (1000, ["text", "image"], Source.OWN)
    assert b"1,000" in operator.get(reverse("admin:proxy_api_catalogmodel_changelist")).content
    KNOWN.reload()
    assert KNOWN.get().models == {"together": ("m",)}
