"""Joined calls whose provider, leader, client, process or Redis goes: what becomes of the others."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from proxy_api.joining.lease import LEASE
from tests.client import Client
from tests.live import Live, started_live
from tests.loopback import Behaviour, Call, answer, hang, openai_answer, openai_stream, reset, stream
from tests.proxy_api.joining.company import STREAMED, asked, collected, led, question, read, rows_of, worker_of

TEXT = "Hello there, this is an answer that comes word by word"
FRAMES = openai_stream(TEXT)
BROKEN = answer({"error": {"message": "out of order", "type": "server_error"}}, status=500)


def late(behaviour: Behaviour, seconds: float = 0.6) -> Behaviour:
    def behave(call: Call) -> None:
        call.pause(seconds)
        behaviour(call)

    return behave


def test_a_failure_before_the_first_event_is_the_leaders_alone_and_one_takes_over(live: Live) -> None:
    live.upstream.then(late(BROKEN), late(stream(FRAMES)))
    body = question(**STREAMED)
    leader, *others = read([led(live, body), *asked(live, [body] * 11)])
    assert leader.status == 502
    assert {collected(client)["said"] for client in others} == {TEXT}
    assert live.upstream.count == 2
    rows = rows_of(live, others)
    assert Counter(row["cache"] for row in rows) == {"joined": 10, "miss": 1}


def test_where_the_next_one_fails_too_all_the_others_have_failed(live: Live) -> None:
    live.upstream.script(late(BROKEN))
    body = question()
    clients = read([led(live, body), *asked(live, [body] * 11)])
    assert Counter(client.status for client in clients) == {502: 12}
    assert live.upstream.count == 2
    assert {row["status"] for row in rows_of(live, clients)} == {"upstream_error"}


def test_a_failure_after_the_first_event_is_everybodys(live: Live) -> None:
    live.upstream.script(stream(FRAMES[:4], gap=0.2, end=reset))
    body = question(**STREAMED)
    clients = read([led(live, body), *asked(live, [body] * 8)])
    assert live.upstream.count == 1
    assert {client.error["code"] for client in clients} == {"upstream_incomplete"}
    assert not any(client.done for client in clients)
    live.upstream.script(stream(FRAMES))
    assert collected(Client(live, body).rest())["said"] == TEXT
    assert live.upstream.count == 2


@pytest.mark.usefixtures("priced")
def test_the_call_goes_on_where_the_leaders_client_leaves(live: Live) -> None:
    live.upstream.script(stream(FRAMES, gap=0.1))
    body = question(**STREAMED)
    leader = led(live, body).until(b"there")
    others = asked(live, [body] * 8)
    for client in others:
        client.until(b"Hello")
    leader.leave(abruptly=True)
    assert {collected(client)["said"] for client in read(others)} == {TEXT}
    assert (live.upstream.count, live.upstream.aborted) == (1, [])
    row = rows_of(live, [leader])[0]
    assert (row["status"], row["http_status"]) == ("client_disconnect", 499)
    assert row["cost_usd"] > 0
    assert row["output_tokens"] > 0
    assert Client(live, body).rest().headers["x-dragoman-cache"] == "hit"


def test_a_plain_call_goes_on_as_well(live: Live) -> None:
    live.upstream.script(late(answer(openai_answer(TEXT)), 1.0))
    body = question()
    leader = led(live, body)
    others = asked(live, [body] * 8)
    time.sleep(0.3)
    leader.leave()
    assert {collected(client)["said"] for client in read(others)} == {TEXT}
    assert live.upstream.count == 1


def test_the_call_ends_with_the_last_who_listens(live: Live) -> None:
    live.upstream.script(stream(FRAMES[:3], end=hang))
    body = question(**STREAMED)
    clients = [led(live, body), *asked(live, [body] * 8)]
    for client in clients:
        client.until(b"Hello")
    for client in clients:
        client.leave()
    assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1, 5)
    assert {row["status"] for row in rows_of(live, clients)} == {"client_disconnect"}


def test_followers_of_a_killed_worker_finish_within_the_lease() -> None:
    with started_live(DRAGOMAN_FIRST_BYTE_TIMEOUT="20") as live:
        live.upstream.then(hang)
        live.upstream.script(answer(openai_answer(TEXT)))
        body = question()
        leader = led(live, body)
        others = asked(live, [body] * 60)
        time.sleep(0.5)
        opened = live.python(OPENED)
        os.kill(worker_of(live, opened), signal.SIGKILL)
        killed_at = time.monotonic()
        with ThreadPoolExecutor(60) as pool:
            ended = [client for client in pool.map(survived, others) if client is not None]
        assert ended, "all listeners were the dead worker's"
        assert {collected(client)["said"] for client in ended} == {TEXT}
        assert time.monotonic() - killed_at < LEASE + 2
        assert live.upstream.count == 2
        leader.close()


OPENED = """
from pathlib import Path
from django.conf import settings
texts = {path: path.read_bytes() for path in Path(settings.DRAGOMAN_SPOOL_DIR).glob("*.spool")}
result = next(path.name.split("-")[0] for path, text in texts.items() if b'"status":"open"' in text)
"""


def survived(client: Client) -> Client | None:
    """The client with its answer; None where its worker died."""
    try:
        return client.rest()
    except OSError:
        return None


def test_redis_that_forgets_all_costs_no_stream_a_byte(live: Live) -> None:
    live.upstream.script(stream(FRAMES, gap=0.35))
    body = question(**STREAMED)
    clients = [led(live, body), *asked(live, [body] * 8)]
    for client in clients:
        client.until(b"there")
    with redis.Redis.from_url(live.valkey.url) as connection:
        connection.flushall()
    answers = [collected(client) for client in read(clients)]
    assert live.upstream.count == 1
    assert all(one == answers[0] for one in answers)


def test_without_redis_calls_are_joined_within_each_process() -> None:
    with started_live() as live:
        live.valkey.process.kill()
        live.upstream.script(late(answer(openai_answer(TEXT)), 2.5))
        body = question()
        clients = read(asked(live, [body] * 40))
        assert {collected(client)["said"] for client in clients} == {TEXT}
        assert live.upstream.count <= 2


def test_a_shutdown_is_everybodys() -> None:
    with started_live(DRAGOMAN_DRAIN_SECONDS="1", DRAGOMAN_FIRST_BYTE_TIMEOUT="20") as live:
        live.upstream.script(hang)
        body = question()
        clients = [led(live, body), *asked(live, [body] * 11)]
        time.sleep(0.3)
        live.server.terminate()
        read(clients)
        assert live.server.wait(10) == 0
        assert {client.status for client in clients} == {503}
        assert {client.error["code"] for client in clients} == {"server_shutdown"}
        assert live.upstream.count == 1
        assert {row["status"] for row in rows_of(live, clients)} == {"shutdown"}
