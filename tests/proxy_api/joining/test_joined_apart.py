"""Who neither leads nor joins, and who joins whom: scopes, seals, headers, keys that are no more."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from tests.client import Client
from tests.live import Live
from tests.loopback import answer, openai_answer
from tests.proxy_api.joining.company import PROJECT, TEXT, asked, at, held, led, question, read, rows_of, said, workers
from tests.proxy_api.limited import limited

CHANGE = """
from keys.models import VirtualKey
key = VirtualKey.objects.get(pk=id)
for name, value in fields.items():
    setattr(key, name, value)
key.save()
"""


@contextmanager
def running(live: Live, body: dict[str, Any], **headers: str) -> Iterator[tuple[Client, Event]]:
    """A call that the provider holds up for the length of a block."""
    go = Event()
    live.upstream.then(held(go))
    try:
        yield led(live, body, **headers), go
    finally:
        go.set()


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


WISHES = [
    {"cache-control": "no-cache"},
    {"cache-control": "max-age=0"},
    {"cache-control": "no-store"},
    {"x-bt-use-cache": "never"},
]


@pytest.mark.parametrize("wish", WISHES, ids=[next(iter(wish.values())) for wish in WISHES])
def test_who_refuses_a_kept_answer_or_to_leave_one_neither_leads_nor_joins(live: Live, wish: dict[str, str]) -> None:
    live.upstream.script(answer(openai_answer("another")))
    body = question()
    with running(live, body, **named(wish)) as (leader, go):
        first = Client(live, body).rest()
        assert (said([first]), first.headers["x-dragoman-cache"]) == ({"another"}, "stored")
        go.set()
        assert said([leader.rest()]) == {TEXT}
    body = question()
    with running(live, body) as (leader, go):
        apart = Client(live, body, **named(wish)).rest()
        assert said([apart]) == {"another"}
        go.set()
        assert said([leader.rest()]) == {TEXT}
    assert live.upstream.count == 4


def test_who_wants_a_kept_answer_or_none_waits_for_no_call_and_holds_none_up(live: Live) -> None:
    """In the other process too: nobody is to wait for a leader that never leads."""
    here, there = workers(live)
    body = question()
    refused = at(live, here, [body], cache_control="only-if-cached")[0].rest()
    assert (refused.status, refused.error["code"]) == (504, "cache_miss")
    began = time.monotonic()
    live.upstream.script(answer(openai_answer(TEXT)))
    assert said(read(at(live, there, [body]))) == {TEXT}
    assert time.monotonic() - began < 1
    body = question()
    with running(live, body) as (leader, go):
        refused = Client(live, body, cache_control="only-if-cached").rest()
        assert (refused.status, refused.error["code"]) == (504, "cache_miss")
        go.set()
        assert said([leader.rest()]) == {TEXT}


@pytest.mark.parametrize("scope", ["key", "project"])
def test_two_keys_join_where_both_share_and_nowhere_else(live: Live, scope: str) -> None:
    project = live.python(PROJECT)
    fields = {"cache_scope": scope, "project_id": project}
    mine, other = (f"Bearer {limited(live, **fields).token}" for _ in range(2))
    body = question()
    live.upstream.script(answer(openai_answer("another")))
    with running(live, body, authorization=mine) as (leader, go):
        stranger = Client(live, body, authorization=other)
        if scope == "key":
            assert said([stranger.rest()]) == {"another"}
        else:
            time.sleep(0.1)
        go.set()
        assert said([leader.rest()]) == {TEXT}
        if scope == "project":
            assert said([stranger.rest()]) == {TEXT}
            assert stranger.headers["x-dragoman-cache"] == "joined"
    assert live.upstream.count == (2 if scope == "key" else 1)


def test_a_key_that_seals_to_its_caller_joins_itself_alone(live: Live) -> None:
    """In both processes: what Redis holds of the running call is sealed to the caller as well."""
    project = live.python(PROJECT)
    fields = {"cache_scope": "project", "project_id": project, "seal_to_caller": True}
    mine, other = (f"Bearer {limited(live, **fields).token}" for _ in range(2))
    body = question(stream=True)
    live.upstream.script(answer(openai_answer("another")))
    here, there = workers(live)
    go = Event()
    live.upstream.then(held(go, first=4))
    leader = at(live, here, [body], authorization=mine)[0].until(b"there")
    own = [*at(live, here, [body], authorization=mine), *at(live, there, [body], authorization=mine)]
    for client in own:
        client.until(b"there")
    assert said(read(at(live, there, [body], authorization=other))) == {"another"}
    go.set()
    assert said(read([leader, *own])) == {TEXT}
    assert live.upstream.count == 2
    assert Counter(row["cache"] for row in rows_of(live, own)) == {"joined": 2}


@pytest.mark.parametrize(
    "headers", [{"openai_beta": "x"}, {"anthropic_beta": "x"}, {"x_dragoman_strict": "true"}], ids=str
)
def test_a_header_that_makes_another_answer_makes_another_call(live: Live, headers: dict[str, str]) -> None:
    live.upstream.script(answer(openai_answer("another")))
    body = question()
    with running(live, body) as (leader, go):
        assert said([Client(live, body, **headers).rest()]) == {"another"}
        go.set()
        assert said([leader.rest()]) == {TEXT}
    assert live.upstream.count == 2


def test_a_key_that_is_no_more_is_refused_before_it_could_join(live: Live) -> None:
    key = limited(live)
    bearer = f"Bearer {key.token}"
    body = question()
    with running(live, body, authorization=bearer) as (leader, go):
        live.python(CHANGE, id=key.id, fields={"enabled": False})
        time.sleep(1.1)  # every worker knows it
        for _ in range(4):
            refused = Client(live, {**body, "stream": True}, authorization=bearer).rest()
            assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")
        go.set()
        assert said([leader.rest()]) == {TEXT}


def test_one_more_letter_is_another_call(live: Live) -> None:
    live.upstream.script(answer(openai_answer("another")))
    body = question()
    with running(live, body) as (leader, go):
        others = asked(live, [{**body, "user": uuid.uuid4().hex}, {**body, "seed": 1}, {**body, "temperature": 0.0}])
        assert said(read(others)) == {"another"}
        go.set()
        assert said([leader.rest()]) == {TEXT}
    assert live.upstream.count == 4
