"""Limits hold over two worker processes: 200 callers at once, kill -9 in mid-call, an emptied Redis, a shutdown."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from proxy_api.estimate import estimate
from tests import services
from tests.client import Client
from tests.live import Answer, Live, started_live
from tests.loopback import Call, answer, hang, openai_answer, openai_stream, stream
from tests.proxy_api.asking import chunks, hello
from tests.proxy_api.limited import Limited, limited, price

CALLERS, PASS = 200, 10
ASKED = {"max_tokens": 10}
EACH = estimate(hello(**ASKED), ["gpt-4o-mini"], writes=True).total
LIMITS: dict[str, tuple[dict[str, Any], str]] = {
    "requests a minute": ({"requests_per_minute": PASS}, "rate_limit_exceeded"),
    "tokens a minute": ({"tokens_per_minute": PASS * EACH}, "rate_limit_exceeded"),
    "calls at the same time": ({"concurrent_requests": PASS}, "rate_limit_exceeded"),
    "a budget of requests": ({"budgets": [("requests", PASS)]}, "insufficient_quota"),
    "a budget of tokens": ({"budgets": [("tokens", PASS * EACH)]}, "insufficient_quota"),
    "a budget of money": ({"budgets": [("usd", PASS)]}, "insufficient_quota"),  # a dollar each
}


@pytest.fixture(scope="module", autouse=True)
def dear(running_server: Live) -> None:
    price(running_server, "gpt-4o-mini", 0.1)


def outcome(found: Answer) -> tuple[int, str | None]:
    return found.status, None if found.status == 200 else found.json()["error"]["code"]


def at_once(key: Limited, calls: int, workers: int) -> Counter[tuple[int, str | None]]:
    with ThreadPoolExecutor(workers) as pool:
        return Counter(pool.map(lambda _: outcome(key.chat()), range(calls)))


def processes(key: Limited) -> set[str]:
    """Which processes have answered calls of the key."""
    key.live.manage("ship_usage")
    rows = key.live.rows("SELECT DISTINCT instance FROM cache_admin_usagerecord WHERE key_id = %s", key.id)
    return {row["instance"] for row in rows}


def held_until(enough: threading.Event) -> Callable[[Call], None]:
    def behave(call: Call) -> None:
        enough.wait(20)
        answer(openai_answer())(call)

    return behave


@pytest.mark.parametrize("kind", LIMITS)
def test_of_200_calls_at_once_over_two_processes_exactly_ten_pass(live: Live, kind: str) -> None:
    limits, code = LIMITS[kind]
    key = limited(live, asked=ASKED, **limits)
    enough, found = threading.Event(), Counter[tuple[int, str | None]]()
    live.upstream.script(held_until(enough))

    def call(_: int) -> None:
        found[outcome(key.chat())] += 1
        if found.total() == CALLERS - PASS:
            enough.set()

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, range(CALLERS)))
    assert found == {(200, None): PASS, (429, code): CALLERS - PASS}
    assert live.upstream.count == PASS
    assert len(processes(key)) == 2
    key.wait_for(lambda counts: not counts["calls"] and not any(counts["held"]))


def test_a_redis_that_is_emptied_in_mid_run_lets_nobody_in_too_many(live: Live) -> None:
    key = limited(live, [("requests", 60)])
    live.upstream.script(stream(openai_stream("Hello"), gap=0.02))

    def empty() -> None:
        live.upstream.wait_until(lambda: live.upstream.count >= 25, 10)
        live.python("from keys import redis; redis.command('FLUSHDB')")

    thread = threading.Thread(target=empty)
    thread.start()
    key.asked["stream"] = True
    found = at_once(key, CALLERS, 16)
    thread.join()
    assert found == {(200, None): 60, (429, "insufficient_quota"): CALLERS - 60}
    assert len(processes(key)) == 2


def test_a_process_killed_in_mid_call_holds_nothing_and_the_ledger_settles_it(live: Live) -> None:
    """The calls that nobody lived to end count as requests, and with the tokens that were sent."""
    sent = 4 * estimate(hello(**ASKED), [], writes=False).total
    key = limited(live, [("requests", 7), ("usd", 100), ("tokens", 10_000)], asked=ASKED, concurrent_requests=4)
    assert key.chat().status == 200
    live.upstream.script(hang)
    clients = [Client(live, hello(**ASKED), token=key.token) for _ in range(4)]
    assert live.upstream.wait_until(lambda: live.upstream.count == 5)
    assert key.counts()["calls"] == 4
    told = key.counts()["used"][2]
    for worker in psutil.Process(live.server.pid).children():
        worker.send_signal(signal.SIGKILL)
    live.upstream.script(answer(openai_answer()))
    settled = key.wait_for(lambda counts: live.manage("ship_usage") is not None and not any(counts["held"]))
    assert settled == {"used": [5, 10**9, told + sent], "held": [0, 0, 0], "calls": 0}
    for client in clients:
        client.leave()
    found = [answered(key) for _ in range(3)]
    assert found == [(200, None), (200, None), (429, "insufficient_quota")]


def answered(key: Limited, seconds: float = 20) -> tuple[int, str | None]:
    """Once there are workers again."""
    until = time.monotonic() + seconds
    while True:
        try:
            return outcome(key.chat())
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_shutdown_settles_what_it_ends() -> None:
    """By estimate, each call alike: the provider had begun to answer and told no usage."""
    with started_live(DRAGOMAN_DRAIN_SECONDS="0.2", DRAGOMAN_IDLE_TIMEOUT="20") as live:
        key = limited(live, [("tokens", 10_000)], concurrent_requests=4)
        live.upstream.script(stream(openai_stream("Hello")[:2], end=hang))
        clients = [Client(live, hello(stream=True), token=key.token) for _ in range(4)]
        for client in clients:
            client.until(b"Hello")
        assert key.counts()["calls"] == 4
        live.server.terminate()
        assert {client.rest().error["code"] for client in clients} == {"server_shutdown"}
        assert live.server.wait(10) == 0
        counts = key.counts()
        used = counts.pop("used")[0]
        assert used > 0
        assert used % len(clients) == 0
        assert counts == {"held": [0], "calls": 0}


def test_without_redis_a_key_is_refused_unless_it_is_to_be_answered_and_all_is_counted_later() -> None:
    with started_live() as live:
        hard = limited(live, [("requests", 100)], requests_per_minute=100)
        soft = limited(live, [("requests", 100)], requests_per_minute=100, fail_open=True)
        assert at_once(hard, 20, 4) == at_once(soft, 20, 4) == {(200, None): 20}
        live.valkey.process.kill()
        live.valkey.process.wait()
        found = hard.chat()
        assert outcome(found) == (503, "limits_unavailable")
        assert found.headers["retry-after"] == "1"
        assert at_once(soft, 10, 4) == {(200, None): 10}
        assert chunks(soft.chat(stream=True).body)
        assert live.chat(hello()).status == 200  # a key without limits asks nobody
        start_again(live)
        soft.wait_for(lambda counts: counts["used"] == [31] and counts["held"] == [0], 10)
        assert outcome(soft.chat()) == outcome(hard.chat()) == (200, None)
        assert (soft.counts()["used"], hard.counts()["used"]) == ([32], [21])


def start_again(live: Live) -> None:
    """The server's Valkey at its old place, with nothing in it."""
    log = live.valkey.folder / "valkey.log"
    command: Any = live.valkey.process.args
    live.valkey.process = services.launch(command, log)
    services.wait_for(live.valkey, services.redis_answers, log)
