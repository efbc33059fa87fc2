"""Equal calls at the same time, over two worker processes: one call to the provider, and what each of them gets."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event
from typing import Any

import psutil
import pytest

from tests.bodies import openai_chunk
from tests.client import Client
from tests.live import Live
from tests.loopback import answer, close, openai_answer, openai_stream, stream
from tests.proxy_api.joining.company import (
    PLACED,
    STREAMED,
    TEXT,
    answering,
    asked,
    at,
    collected,
    held,
    late,
    led,
    question,
    read,
    rows_of,
    said,
    whole,
    workers,
)


def test_two_equal_calls_at_once_are_one(live: Live) -> None:
    """B25."""
    live.upstream.script(answering)
    body = question()
    clients = read(asked(live, [body, body]))
    assert live.upstream.count == 1
    assert clients[0].body == clients[1].body == openai_answer(TEXT)
    assert clients[0].id != clients[1].id
    assert {client.headers["x-bt-cached"] for client in clients} == {"MISS"}


@pytest.mark.parametrize("first", [{}, STREAMED], ids=["a plain one leads", "a streamed one leads"])
def test_two_hundred_equal_calls_at_once_are_one(live: Live, first: dict[str, object]) -> None:
    go = Event()
    live.upstream.script(held(go))
    body = question()
    leader = led(live, {**body, **first})
    followers = asked(live, [{**body, **(STREAMED if n % 2 else {})} for n in range(199)])
    for client in followers[1::2]:
        client.until(b": ping")  # it listens, and is told of the silence
    go.set()
    clients = read([leader, *followers])
    answers = [collected(client) for client in clients]
    assert live.upstream.count == 1
    assert all(answer == answers[0] for answer in answers), Counter(map(str, answers)).most_common(3)
    assert (answers[0]["said"], answers[0]["usage"] is not None) == (TEXT, True)
    assert len({client.id for client in clients}) == 200
    assert {client.headers["x-dragoman-cache"] for client in followers[1::2]} == {"joined"}
    assert {client.headers["x-dragoman-cache"] for client in followers} <= PLACED
    check_rows(rows_of(live, clients))


def check_rows(rows: list[dict[str, Any]]) -> None:
    """The first paid for all."""
    leader, *others = rows
    assert len({row["instance"] for row in rows}) == 2
    assert {(row["status"], row["provider"]) for row in rows} == {("ok", "openai")}
    assert leader["cache"] in {"miss", "stored"}
    assert leader["cost_usd"] > 0
    assert {row["cache"] for row in others} <= PLACED
    assert {(row["cost_usd"], row["attempts"], row["output_tokens"]) for row in others} == {
        (0, 0, leader["output_tokens"])
    }


@pytest.mark.parametrize("first", [{}, STREAMED], ids=["a plain one leads", "a streamed one leads"])
def test_who_listens_in_each_process_is_told_what_came_while_the_provider_still_works(
    live: Live, first: dict[str, object]
) -> None:
    """Of a streamed call the events so far; of a plain one that it is silent."""
    go = Event()
    live.upstream.script(held(go, first=4))
    body = question()
    here, there = workers(live)
    (leader,) = at(live, here, [{**body, **first}])
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    near, far = (at(live, worker, [body, {**body, **STREAMED}, {**body, **STREAMED}]) for worker in (here, there))
    for client in (*near[1:], *far[1:]):
        client.until(b"there" if first else b": ping")
        assert (b"there" if first else b": ping") in client.body
        assert not client.done
        assert client.headers["x-dragoman-cache"] == "joined"
    go.set()
    clients = read([leader, *near, *far])
    assert said(clients) == {TEXT}
    assert live.upstream.count == 1
    rows = rows_of(live, clients)
    assert {row["instance"] for row in rows[:4]} != {row["instance"] for row in rows[4:]}
    assert Counter(row["cache"] for row in rows[1:]) == {"joined": 6}


def test_who_comes_late_hears_it_from_the_first_event(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT), gap=0.1))
    body = question(**STREAMED)
    leader = led(live, body).until(b"there")
    others = asked(live, [body] * 8)
    leader.until(b"comes")
    answers = [collected(client) for client in read([leader, *others, *asked(live, [body] * 4)])]
    assert live.upstream.count == 1
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("leads", [True, False], ids=["the leader wants usage", "the leader does not"])
def test_each_gets_the_usage_chunk_that_it_asked_for_and_no_other(live: Live, leads: bool) -> None:
    live.upstream.script(stream(openai_stream(TEXT), gap=0.03, lead=0.3))
    body, plain = question(**STREAMED), {"stream": True, "stream_options": None}
    wishes = [leads] + [True, False] * 6
    bodies = [body if wish else {**body, **plain} for wish in wishes]
    clients = read([led(live, bodies[0]), *asked(live, bodies[1:])])
    assert live.upstream.count == 1
    answers = [collected(client) for client in clients]
    assert {answer["said"] for answer in answers} == {TEXT}
    assert [bool(answer["usage"]) for answer in answers] == wishes
    assert [b'"choices":[]' in client.body.replace(b" ", b"") for client in clients] == wishes


def test_a_silent_provider_is_told_of_to_all_and_then_its_answer(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT), lead=0.8))
    body = question(**STREAMED)
    clients = read(asked(live, [body] * 8))
    assert live.upstream.count == 1
    assert all(client.body.startswith(b": ping") for client in clients)
    assert said(clients) == {TEXT}


def test_an_answer_that_is_not_kept_is_shared_while_it_runs(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT, finish="content_filter"), gap=0.04))
    body = question(**STREAMED)
    leader = led(live, body).until(b"Hello")
    clients = read([leader, *asked(live, [body] * 8)])
    assert live.upstream.count == 1
    assert {collected(client)["finish"] for client in clients} == {"content_filter"}
    time.sleep(0.05)
    assert Client(live, body).rest().headers["x-dragoman-cache"] == "miss"


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ghent"}'}}
CALLING = {
    "index": 0,
    "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
    "finish_reason": "tool_calls",
}
TWO = [
    {"index": n, "message": {"role": "assistant", "content": f"answer {n}"}, "finish_reason": "stop"} for n in range(2)
]


@pytest.mark.parametrize("choices", [[CALLING], TWO], ids=["a tool call", "two choices"])
def test_tool_calls_and_several_choices_are_unfolded_for_who_wants_a_stream(live: Live, choices: list[Any]) -> None:
    live.upstream.script(late(answer(openai_answer(choices=choices))))
    body = question(n=len(choices))
    clients = read([led(live, body), *asked(live, [body, {**body, **STREAMED}] * 4)])
    assert live.upstream.count == 1
    wholes = [whole(client)["choices"] for client in clients]
    found = [[(one["message"].get("content"), calls_in(one), one["finish_reason"]) for one in each] for each in wholes]
    assert found[0] == [(one["message"]["content"], calls_in(one), one["finish_reason"]) for one in choices]
    assert all(one == found[0] for one in found)


def calls_in(choice: dict[str, Any]) -> list[tuple[str, str, str]]:
    calls = choice["message"].get("tool_calls") or []
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


LISTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "embeddings": ({"input": "Hello"}, {"data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]}),
    "moderations": ({"input": "Hello"}, {"id": "modr-1", "results": [{"flagged": False}]}),
}


@pytest.mark.parametrize("endpoint", LISTS)
def test_embeddings_and_moderations_are_joined_too(live: Live, endpoint: str) -> None:
    asks, gives = LISTS[endpoint]
    live.upstream.script(late(answer({"object": "list", "model": "joined-model", **gives})))
    body = {"model": "openai/joined-model", "user": question()["user"], **asks}
    clients = [Client(live, body, path=f"/v1/{endpoint}") for _ in range(8)]
    assert {client.status for client in read(clients)} == {200}
    assert live.upstream.count == 1
    assert len({client.body for client in clients}) == 1
    assert Counter(row["cache"] for row in rows_of(live, clients)) == {"stored": 1, "joined": 7}


def test_where_what_is_kept_is_stale_one_call_fetches_another(live: Live) -> None:
    """Nobody gets a lease along with the look-up there."""
    live.upstream.script(answer(openai_answer(TEXT)))
    body = question()
    here, there = workers(live)
    for _ in range(2):
        assert Client(live, body, x_bt_cache_ttl="1").rest().status == 200
        time.sleep(1.1)
        live.upstream.forget()
        live.upstream.script(late(answer(openai_answer(TEXT)), 0.2))
        clients = [client for one in (here, there) for client in at(live, one, [body] * 5, x_bt_cache_ttl="1")]
        assert said(read(clients)) == {TEXT}
        assert live.upstream.count == 1


BIG = "x" * 900_000
LARGE = {
    "answers": late(answer(openai_answer(BIG)), 0.02),
    "failures": stream([openai_chunk({"content": BIG})], end=close),
}


@pytest.mark.parametrize("what", LARGE)
def test_many_calls_leave_nothing_behind(live: Live, what: str) -> None:
    """Neither an answer or its pieces, of which there are 36 megabytes, nor a thread."""
    live.upstream.script(LARGE[what])
    fields = {"stream": what == "failures"}
    both = [psutil.Process(one) for one in workers(live)]

    def run(calls: int) -> list[tuple[int, int]]:
        for _ in range(calls):
            clients = read(asked(live, [question(**fields)] * 3))
            assert {client.status for client in clients} == {200}
        return [(one.memory_info().rss, one.num_threads()) for one in both]

    before, after = run(15), run(40)
    grown = [(now - then, more - fewer) for (then, fewer), (now, more) in zip(before, after, strict=True)]
    assert max(size for size, _ in grown) < 12_000_000, grown
    assert max(threads for _, threads in grown) <= 1, grown
