"""Joined calls whose leader's process dies or goes down, and whose Redis forgets, freezes or is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import redis

from tests.client import Client
from tests.live import Live, started_live
from tests.loopback import answer, hang, openai_answer, stream
from tests.proxy_api.joining.company import (
    FRAMES,
    STREAMED,
    TEXT,
    answering,
    asked,
    at,
    children,
    collected,
    held,
    late,
    question,
    read,
    rows_of,
    said,
    wait_for,
    workers,
)

WITHIN = 5.0  # seconds after which who listened in another process knows that the leader is dead
SPARE = 3.0  # for the call that is made anew, and for a busy machine


@contextmanager
def led_here(live: Live, body: dict[str, object]) -> Iterator[tuple[int, int, Client]]:
    """A call under way: its worker, the other one, its client, which may have lost its connection at the end."""
    here, there = workers(live)
    (leader,) = at(live, here, [body])
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    yield here, there, leader
    leader.close()


def test_followers_of_a_killed_worker_finish_within_the_lease(live: Live) -> None:
    """Who was told nothing asks anew, one for all; who was told something is told of its end too."""
    live.upstream.then(hang, stream(FRAMES[:4], end=hang))
    live.upstream.script(answering)
    silent, begun = question(), question()
    with led_here(live, silent) as (here, there, _):
        leader = at(live, here, [{**begun, **STREAMED}])[0].until(b"there")
        nothing = at(live, there, [silent, {**silent, "stream": True}] * 4)
        *something, plain = at(live, there, [{**begun, **STREAMED}] * 4 + [begun])
        for client in something:
            client.until(b"there")
        os.kill(here, signal.SIGKILL)
        killed_at = time.monotonic()
        assert said(read([*nothing, plain])) == {TEXT}
        assert {client.error["code"] for client in read(something)} == {"upstream_incomplete"}
        assert time.monotonic() - killed_at < WITHIN + SPARE
        assert not any(client.done for client in something)
        assert live.upstream.count == 4
        assert sorted(row["attempts"] for row in rows_of(live, nothing)) == [0] * 7 + [1]
        assert {row["status"] for row in rows_of(live, something)} == {"incomplete"}
        leader.close()


def test_where_the_leaders_process_goes_down_another_begins_anew(live: Live) -> None:
    live.upstream.then(hang)
    live.upstream.script(answering)
    body = question()
    with led_here(live, body) as (here, there, leader):
        near, far = at(live, here, [body] * 2), at(live, there, [body] * 4)
        time.sleep(0.2)
        os.kill(here, signal.SIGTERM)
        assert said(read(far)) == {TEXT}
        assert {client.error["code"] for client in read([leader, *near])} == {"server_shutdown"}
    assert live.upstream.count == 2
    wait_for(lambda: here not in children(live))  # the next test is not to take it for one that serves


def test_a_shutdown_is_everybodys() -> None:
    with started_live(DRAGOMAN_DRAIN_SECONDS="1", DRAGOMAN_FIRST_BYTE_TIMEOUT="20") as live:
        live.upstream.script(hang)
        body = question()
        with led_here(live, body) as (here, there, leader):
            clients = [leader, *at(live, here, [body] * 4), *at(live, there, [body] * 4)]
            time.sleep(0.2)
            live.server.terminate()
            read(clients)
        assert live.server.wait(10) == 0
        assert {client.status for client in clients} == {503}
        assert {client.error["code"] for client in clients} == {"server_shutdown"}
        assert live.upstream.count == 1
        assert {row["status"] for row in rows_of(live, clients)} == {"shutdown"}


# -- Redis -------------------------------------------------------------------------------------------------------------
def test_redis_that_forgets_all_costs_no_stream_a_byte(live: Live) -> None:
    live.upstream.script(stream(FRAMES, gap=0.2))
    body = question(**STREAMED)
    with led_here(live, body) as (here, there, leader):
        clients = [leader, *at(live, here, [body]), *at(live, there, [body] * 4)]
        for client in clients:
            client.until(b"there")
        with redis.Redis.from_url(live.valkey.url, db=1) as connection:
            connection.flushall()
        answers = [collected(client) for client in read(clients)]
    assert live.upstream.count == 1
    assert all(one == answers[0] for one in answers)


def test_while_redis_is_frozen_each_process_joins_its_own_and_nobody_waits_longer(live: Live) -> None:
    live.upstream.script(late(answer(openai_answer(TEXT)), 1.0))
    body = question()
    here, there = workers(live)
    with live.valkey.frozen():
        began = time.monotonic()
        (first,) = at(live, here, [body])
        others = [*at(live, here, [body] * 3), *at(live, there, [body] * 4)]
        assert said(read([first, *others])) == {TEXT}
        assert time.monotonic() - began < 1.0 + 0.15 + SPARE
        assert live.upstream.count == 2
    time.sleep(1.2)  # both processes have found Redis again
    live.upstream.forget()
    live.upstream.script(answering)
    assert said(read(asked(live, [question()] * 8))) == {TEXT}
    assert live.upstream.count == 1


def test_a_redis_that_takes_no_writes_costs_no_answer_and_no_time(live: Live) -> None:
    """Full, or a replica: nobody gets a lease, so each process joins its own; a running call goes on where it is."""
    go = Event()
    live.upstream.then(held(go, first=4))
    live.upstream.script(late(answer(openai_answer(TEXT)), 0.3))
    streamed, body = question(**STREAMED), question()
    with redis.Redis.from_url(live.valkey.url, db=1) as connection, led_here(live, streamed) as (here, there, leader):
        near = at(live, here, [streamed] * 2)
        connection.config_set("maxmemory", 1)
        try:
            began = time.monotonic()
            clients = [*at(live, here, [body] * 3), *at(live, there, [body] * 3)]
            assert said(read(clients)) == {TEXT}
            assert time.monotonic() - began < 0.3 + SPARE
            go.set()
            assert said(read([leader, *near])) == {TEXT}
        finally:
            connection.config_set("maxmemory", 0)
    assert live.upstream.count == 3


def test_a_redis_that_freezes_while_calls_are_joined_costs_nobody_an_answer(live: Live) -> None:
    """Who was told nothing goes alone, who was told something hears the rest once Redis is back."""
    go = Event()
    live.upstream.then(held(go, first=4))
    live.upstream.script(answer(openai_answer(TEXT)))
    body, streamed = (asks := question()), {**asks, **STREAMED}
    with led_here(live, streamed) as (here, there, leader):
        near = at(live, here, [streamed] * 2)
        *far, plain = at(live, there, [streamed] * 2 + [body])
        for client in (leader, *near, *far):
            client.until(b"there")
        with live.valkey.frozen():
            go.set()
            assert said(read([leader, *near])) == {TEXT}
            time.sleep(0.5)
        assert said(read([*far, plain])) == {TEXT}


def test_without_redis_calls_are_joined_within_each_process() -> None:
    with started_live() as live:
        live.valkey.process.kill()
        live.upstream.script(late(answer(openai_answer(TEXT)), 1.5))
        body = question()
        here, there = workers(live)
        clients = [*at(live, here, [body] * 10), *at(live, there, [body] * 10)]
        assert said(read(clients)) == {TEXT}
        assert live.upstream.count == 2


def test_what_redis_holds_for_joined_calls_runs_out_by_itself(live: Live) -> None:
    """Leases, inboxes and what was told: none is for ever, and once calls are over no lease is left."""
    go = Event()
    live.upstream.script(held(go, first=4))
    body = question(**STREAMED)
    with redis.Redis.from_url(live.valkey.url, db=1) as connection:
        before = set(connection.scan_iter("j*"))  # of a leader that was killed, for one
        with led_here(live, body) as (_, there, leader):
            others = [client.until(b"there") for client in at(live, there, [body] * 2)]
            names = set(connection.scan_iter("j*")) - before
            assert {name.split(b":")[0] for name in names} >= {b"j", b"jp"}
            assert min(connection.ttl(name) for name in names) >= 0
            go.set()
            assert said(read([leader, *others])) == {TEXT}
        wait_for(lambda: not names & set(connection.scan_iter("j:*")), 2)
        assert all(-2 <= connection.ttl(name) <= 10 and connection.ttl(name) != -1 for name in names)


def test_what_was_told_of_a_silent_call_stays_as_long_as_it_is_silent(live: Live) -> None:
    go = Event()
    live.upstream.script(held(go, first=4))
    body = question(**STREAMED)
    with redis.Redis.from_url(live.valkey.url, db=1) as connection:
        before = set(connection.scan_iter("jp:*"))
        with led_here(live, body) as (_, there, leader):
            (other,) = (client.until(b"there") for client in at(live, there, [body]))
            (name,) = set(connection.scan_iter("jp:*")) - before
            connection.pexpire(name, 5_000)
            wait_for(lambda: connection.pttl(name) > 20_000, 5)
            go.set()
            assert said(read([leader, other])) == {TEXT}
    assert live.upstream.count == 1
