"""Joined calls whose provider fails or whose clients leave: what becomes of the others."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event

import pytest

from tests.bodies import openai_chunk
from tests.client import Client
from tests.live import Live
from tests.loopback import answer, hang, openai_answer, reset, stream
from tests.proxy_api.joining.company import (
    BROKEN,
    FRAMES,
    STREAMED,
    TEXT,
    asked,
    at,
    held,
    late,
    led,
    question,
    read,
    rows_of,
    said,
    workers,
)

IN_BAND = [*FRAMES[:4], b'data: {"error": {"message": "out of order", "type": "server_error"}}\n\n']
ENDS = {"a reset": stream(FRAMES[:4], gap=0.15, end=late(reset)), "an error in the stream": stream(IN_BAND, gap=0.2)}


@pytest.mark.parametrize("form", [{}, STREAMED], ids=["plain", "streamed"])
def test_a_failure_before_the_first_event_is_the_leaders_alone_and_one_takes_over(
    live: Live, form: dict[str, object]
) -> None:
    go = Event()
    live.upstream.then(late(BROKEN, 0.4))
    live.upstream.script(held(go))
    body = question(**form)
    here, there = workers(live)
    leader = at(live, here, [body])[0]
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    others = [*at(live, here, [body] * 5), *at(live, there, [body] * 6)]
    assert leader.rest().status == 502
    assert live.upstream.wait_until(lambda: live.upstream.count == 2, 10)
    time.sleep(0.1)
    go.set()
    assert said(read(others)) == {TEXT}
    assert live.upstream.count == 2
    rows = rows_of(live, others)
    assert Counter(row["attempts"] for row in rows) == {0: 10, 1: 1}
    assert Counter(row["cache"] for row in rows)["joined"] == 10


def test_where_the_next_one_fails_too_all_the_others_have_failed(live: Live) -> None:
    live.upstream.script(late(BROKEN))
    body = question()
    clients = read([led(live, body), *asked(live, [body] * 11)])
    assert Counter(client.status for client in clients) == {502: 12}
    assert live.upstream.count == 2
    assert {row["status"] for row in rows_of(live, clients)} == {"upstream_error"}


@pytest.mark.parametrize("end", ENDS)
def test_a_failure_after_the_first_event_is_everybodys_in_their_own_form(live: Live, end: str) -> None:
    live.upstream.script(ENDS[end])
    body = question()
    here, there = workers(live)
    leader = at(live, here, [{**body, **STREAMED}])[0].until(b"Hello")
    bodies = [body, {**body, **STREAMED}]
    clients = [leader, *at(live, here, bodies), *at(live, there, bodies)]
    read(clients)
    assert live.upstream.count == 1
    assert len({client.error["code"] for client in clients}) == 1
    assert not any(client.done for client in clients)
    assert {client.status for client in clients if "event-stream" not in client.headers["content-type"]} <= {502}
    rows = rows_of(live, clients)
    assert len({row["status"] for row in rows}) == 1
    assert rows[0]["status"] != "ok"
    live.upstream.script(stream(FRAMES))
    assert said([Client(live, {**body, **STREAMED}).rest()]) == {TEXT}
    assert live.upstream.count == 2


@pytest.mark.parametrize("followers", ["here", "there"])
@pytest.mark.parametrize("form", [{}, STREAMED], ids=["plain", "streamed"])
def test_the_call_goes_on_where_the_leaders_client_leaves(live: Live, followers: str, form: dict[str, object]) -> None:
    """In the leader's process and in another."""
    go = Event()
    live.upstream.script(held(go, first=4))
    body = question(**form)
    here, there = workers(live)
    leader = at(live, here, [body])[0]
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    others = at(live, here if followers == "here" else there, [{**body, **STREAMED}] * 4)
    for client in (leader, *others) if form else ():
        client.until(b"there")
    for client in others:
        client.until(b": ping")  # each listens
    leader.leave(abruptly=True)
    time.sleep(0.7)  # longer than anybody is looked after who is not there
    assert live.upstream.aborted == []
    go.set()
    assert said(read(others)) == {TEXT}
    assert (live.upstream.count, live.upstream.aborted) == (1, [])
    assert Client(live, body).rest().headers["x-dragoman-cache"] == "hit"
    rows = rows_of(live, others)
    assert Counter(row["cache"] for row in rows) == {"joined": 4}
    check_left(live, leader, rows)


def check_left(live: Live, leader: Client, rows: list[dict[str, object]]) -> None:
    """The record of a leader that left has what its call cost."""
    sql = 'SELECT * FROM cache_admin_usagerecord WHERE "user" = %s AND attempts = 1'
    (row,) = live.rows(sql, rows[0]["user"])
    assert (row["status"], row["http_status"]) == ("client_disconnect", 499)
    assert (row["estimated"], row["output_tokens"]) == (False, rows[0]["output_tokens"])
    assert row["cost_usd"] > 0


@pytest.mark.parametrize("form", [{}, STREAMED], ids=["plain", "streamed"])
def test_the_call_ends_with_the_last_who_listens(live: Live, form: dict[str, object]) -> None:
    live.upstream.script(stream(FRAMES[:3], end=hang) if form else hang)
    body = question(**form)
    here, there = workers(live)
    leader = at(live, here, [body])[0]
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    clients = [leader, *at(live, here, [body] * 3), *at(live, there, [body] * 3)]
    for client in clients if form else ():
        client.until(b"Hello")
    time.sleep(0.2)
    for client in clients:
        client.leave()
    assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1, 5)
    assert live.upstream.count == 1


def test_who_leaves_is_not_waited_for(live: Live) -> None:
    """Its record is closed while the others listen on."""
    go = Event()
    live.upstream.script(held(go, first=3))
    body = question(**STREAMED)
    leader = led(live, body).until(b"Hello")
    leaving, staying = (client.until(b"Hello") for client in asked(live, [body] * 2))
    leaving.leave()
    row = live.usage(leaving.id)
    assert (row["status"], row["cache"], row["cost_usd"]) == ("client_disconnect", "joined", 0)
    go.set()
    assert said(read([leader, staying])) == {TEXT}


BIG = [openai_chunk({"content": f"{n:04d}" + "x" * 9996}) for n in range(300)]
ENDING = [openai_chunk({}, "stop"), b"data: [DONE]\n\n"]


@pytest.mark.parametrize("slow", ["the leader", "a follower"])
def test_a_slow_reader_holds_nobody_up(live: Live, slow: str) -> None:
    """Three megabytes, of which the kernel holds less than a fifth for a client that takes nothing."""
    go = Event()
    live.upstream.script(held(go, 1, [openai_chunk({"role": "assistant", "content": ""}), *BIG, *ENDING]))
    body = question(stream=True)
    here, there = workers(live)
    first = at(live, here, [body])[0].until(b"data")
    second, third = at(live, here, [body])[0].until(b"data"), at(live, there, [body])[0].until(b"data")
    idle, busy = (first, [second, third]) if slow == "the leader" else (second, [first, third])
    go.set()
    words = "".join(f"{n:04d}" + "x" * 9996 for n in range(300))
    assert said(read(busy)) == {words}
    assert not idle.done
    assert said(read([idle])) == {words}
    assert live.upstream.count == 1


@pytest.mark.parametrize("over", [0, 1])
def test_an_answer_over_the_size_limit_is_joined_and_not_kept(live: Live, over: int) -> None:
    """Up to it, it is kept."""
    whole = openai_answer("x" * (1_000_000 - len(openai_answer("")) + over))
    live.upstream.script(late(answer(whole)))
    body = question()
    clients = read([led(live, body), *asked(live, [body] * 3)])
    assert {client.body for client in clients} == {whole}
    assert live.upstream.count == 1
    live.upstream.script(answer(whole))
    time.sleep(0.1)
    found = [Client(live, body).rest().headers["x-dragoman-cache"] for _ in range(3)]
    assert ("hit" in found) is (not over)
