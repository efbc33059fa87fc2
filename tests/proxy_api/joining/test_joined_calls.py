"""Equal calls at the same time, over two worker processes: one call to the provider."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.client import Client
from tests.live import Live
from tests.loopback import Call, openai_answer, openai_stream, stream, wire_of
from tests.proxy_api.joining.company import STREAMED, asked, collected, led, question, read, rows_of

TEXT = "Hello there, this is an answer that comes word by word"


def answering(call: Call, gap: float = 0.05, lead: float = 0.5) -> None:
    """As the request asks, streamed or not."""
    if call.received.json().get("stream"):
        stream(openai_stream(TEXT), gap=gap, lead=lead)(call)
    else:
        call.pause(lead)
        call.write(wire_of(openai_answer(TEXT)))


def slowly(call: Call) -> None:
    answering(call, gap=0.1, lead=2.0)


def test_two_equal_calls_at_once_are_one(live: Live) -> None:
    """B25."""
    live.upstream.script(answering)
    body = question()
    clients = read(asked(live, [body, body]))
    assert live.upstream.count == 1
    assert clients[0].body == clients[1].body == openai_answer(TEXT)
    assert clients[0].id != clients[1].id
    assert {client.headers["x-bt-cached"] for client in clients} == {"MISS"}


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize("first", [{}, STREAMED], ids=["a plain one leads", "a streamed one leads"])
def test_two_hundred_equal_calls_at_once_are_one(live: Live, first: dict[str, object]) -> None:
    live.upstream.script(slowly)
    body = question()
    leader = led(live, {**body, **first})
    clients = read([leader, *asked(live, [{**body, **(STREAMED if n % 2 else {})} for n in range(199)])])
    answers = [collected(client) for client in clients]
    assert live.upstream.count == 1
    assert all(answer == answers[0] for answer in answers), Counter(map(str, answers)).most_common(3)
    assert answers[0]["said"] == TEXT
    assert answers[0]["usage"]
    assert len({client.id for client in clients}) == 200
    assert {client.headers["x-dragoman-cache"] for client in clients[1:]} == {"joined"}
    rows = rows_of(live, clients)
    assert len({row["instance"] for row in rows}) == 2
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["cache"] for row in rows[1:]} == {"joined"}
    assert {(row["cost_usd"], row["attempts"], row["output_tokens"]) for row in rows[1:]} == {
        (0, 0, rows[0]["output_tokens"])
    }
    assert rows[0]["cost_usd"] > 0
    assert {row["provider"] for row in rows} == {"openai"}


def test_who_comes_late_hears_it_from_the_first_event(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT), gap=0.1))
    body = question(**STREAMED)
    leader = led(live, body).until(b"there")
    late = asked(live, [body] * 8)
    leader.until(b"comes")
    later = asked(live, [body] * 4)
    answers = [collected(client) for client in read([leader, *late, *later])]
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


def test_who_refuses_a_kept_answer_or_to_leave_one_has_a_call_of_its_own(live: Live) -> None:
    live.upstream.script(answering)
    body = question()
    for wish in ("no-cache", "max-age=0", "no-store"):
        live.upstream.forget()
        leader = led(live, body, cache_control="no-cache")
        others = asked(live, [body], cache_control=wish)
        read([leader, *others])
        assert live.upstream.count == 2, wish
        body = question()


def test_who_follows_counts_against_no_limit(live: Live) -> None:
    token = live.key("one a minute", "--rpm", "1")
    live.upstream.script(answering)
    body = question()
    leader = led(live, body, authorization=f"Bearer {token}")
    clients = read([leader, *asked(live, [body] * 8, authorization=f"Bearer {token}")])
    assert {client.status for client in clients} == {200}
    assert live.upstream.count == 1
    other = Client(live, question(), token).rest()
    assert other.status == 429


def test_another_key_has_a_call_of_its_own(live: Live) -> None:
    live.upstream.script(answering)
    body = question()
    leader = led(live, body)
    stranger = Client(live, body, live.key("stranger"))
    read([leader, stranger])
    assert live.upstream.count == 2


def test_a_silent_provider_is_told_of_to_all_and_then_its_answer(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT), lead=1.5))
    body = question(**STREAMED)
    clients = read(asked(live, [body] * 8))
    assert live.upstream.count == 1
    assert all(client.body.startswith(b": ping") for client in clients)
    assert {collected(client)["said"] for client in clients} == {TEXT}


def test_an_answer_that_is_not_kept_is_shared_while_it_runs(live: Live) -> None:
    live.upstream.script(stream(openai_stream(TEXT, finish="content_filter"), gap=0.1))
    body = question(**STREAMED)
    leader = led(live, body).until(b"Hello")
    clients = read([leader, *asked(live, [body] * 8)])
    assert live.upstream.count == 1
    assert {collected(client)["finish"] for client in clients} == {"content_filter"}
    time.sleep(0.05)
    assert Client(live, body).rest().headers["x-dragoman-cache"] == "miss"
