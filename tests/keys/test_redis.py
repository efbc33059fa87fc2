import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from statistics import median

import pytest
from django.conf import settings
from redis.exceptions import DataError

from keys import redis
from proxy_site import installation
from tests import services
from tests.delaying import Delaying


@pytest.fixture
def own_valkey(settings):
    """A Valkey of this test's own, which it may freeze and kill."""
    service = services.start_valkey()
    settings.CACHES = {"default": installation.cache(service.url)}
    connected()
    yield service
    service.stop()
    redis.forget()


def patient(url, seconds):
    """The settings of a Redis that is given longer than 70 ms, so that a busy machine is told from a late Redis."""
    found = installation.cache(url)
    found["OPTIONS"] |= {"SOCKET_TIMEOUT": seconds, "SOCKET_CONNECT_TIMEOUT": seconds}
    return {"default": found}


def connected():
    """A fresh connection that answers. The first one gets 70 ms like any other, on a machine that may be busy."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        redis.forget()
        with suppress(redis.RedisAway):
            redis.command("PING")
            return
    raise AssertionError("Redis does not answer")


def timed_call():
    started = time.monotonic()
    try:
        redis.command("PING")
    except redis.RedisAway:
        return time.monotonic() - started
    raise AssertionError("Redis answered")


def run(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_a_command_gives_its_reply():
    assert redis.command("SET", "test:reply", b"\x00\xff", "EX", 10) == b"OK"
    assert redis.command("GET", "test:reply") == b"\x00\xff"
    assert redis.command("GET", "test:nothing") is None
    assert redis.command("MGET", "test:reply", "test:nothing") == [b"\x00\xff", None]


def test_the_replies_of_many_threads_do_not_mix():
    wrong = []

    def ask(mine):
        for turn in range(200):
            said = redis.command("ECHO", f"{mine}-{turn}")
            if said != f"{mine}-{turn}".encode():
                wrong.append(said)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    run(threads)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


def test_what_was_told_is_done_before_what_is_asked_next_and_its_reply_is_nobodys():
    for number in range(50):
        redis.tell("SET", f"test:told:{number}", number, "EX", 10)
        assert redis.command("GET", f"test:told:{number}") == str(number).encode()


def test_what_was_told_in_one_go_is_done_in_its_order():
    redis.tell_all([("RPUSH", "test:told", number) for number in range(3)])
    redis.tell_all([])
    assert redis.command("LRANGE", "test:told", 0, -1) == [b"0", b"1", b"2"]
    assert redis.answering()


def test_a_refusal_of_what_was_told_disturbs_no_later_reply():
    redis.command("SET", "test:text", "no number", "EX", 10)
    redis.tell("INCR", "test:text")
    redis.tell("LPUSH", "test:text", "x")
    assert redis.command("ECHO", "mine") == b"mine"


def test_telling_and_asking_from_many_threads_mixes_no_reply():
    wrong = []

    def talk(mine):
        for turn in range(200):
            redis.tell("SET", f"test:talk:{mine}", turn, "EX", 10)
            said = redis.command("GET", f"test:talk:{mine}")
            if said != str(turn).encode():
                wrong.append((turn, said))

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(16)]
    run(threads)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


def test_telling_a_dead_redis_costs_nothing_and_opens_the_breaker(own_valkey):
    own_valkey.process.kill()
    own_valkey.process.wait()
    started = time.monotonic()
    for _ in range(10):
        try:
            redis.tell("SET", "a", "b")
            timed_call()
        except redis.RedisAway:
            pass
    assert time.monotonic() - started < 0.5
    with pytest.raises(redis.RedisAway):
        redis.tell("SET", "a", "b")
    assert not redis.answering()


def test_a_refused_command_fails_its_own_caller_alone():
    redis.command("SET", "test:text", "no number", "EX", 10)
    outcomes = []

    def refused():
        for _ in range(100):
            with pytest.raises(redis.ResponseError):
                redis.command("INCR", "test:text")
        outcomes.append("refused")

    def answered():
        outcomes.extend(redis.command("ECHO", "fine") for _ in range(100))

    threads = [threading.Thread(target=work) for work in (refused, answered, refused, answered)]
    run(threads)
    assert sorted(outcomes, key=str) == [b"fine"] * 200 + ["refused"] * 2


def test_an_argument_that_cannot_be_sent_fails_at_once_and_harms_nobody():
    with pytest.raises(DataError):
        redis.command("SET", "test:bad", object())
    assert redis.command("ECHO", "fine") == b"fine"


def test_a_frozen_redis_costs_its_timeout_three_times_and_then_nothing(own_valkey):
    own_valkey.process.send_signal(signal.SIGSTOP)
    took = [timed_call() for _ in range(8)]
    assert median(took[:3]) < 0.15
    assert median(took[3:]) < 0.005


def test_a_killed_redis_costs_nothing_at_all(own_valkey):
    own_valkey.process.kill()
    own_valkey.process.wait()
    assert median(timed_call() for _ in range(6)) < 0.05


def test_while_the_breaker_is_open_nobody_waits_to_find_out_whether_redis_is_back(own_valkey, settings):
    settings.CACHES = patient(own_valkey.url, 0.4)
    connected()
    own_valkey.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        timed_call()
    took, until = [], time.monotonic() + 4.5  # whoever waits: three
    while time.monotonic() < until:
        took.append(timed_call())
        time.sleep(0.02)
    assert median(took) < 0.005
    assert sorted(took)[-3] < 0.25  # one who waits does so for 0.4 s; the machine has other work too
    own_valkey.process.send_signal(signal.SIGCONT)
    until = time.monotonic() + 20
    while redis.away() and time.monotonic() < until:
        time.sleep(0.02)
    assert redis.command("ECHO", "back") == b"back"


def test_a_redis_that_is_late_is_slow_until_it_is_not_and_answers_all_the_while(own_valkey, settings):
    with Delaying(own_valkey.url) as late:
        settings.CACHES = patient(late.url, 2)
        connected()
        assert not redis.slow()
        late.seconds = 0.1
        assert [redis.command("ECHO", str(turn)) for turn in range(3)] == [b"0", b"1", b"2"]
        assert redis.slow()
        assert not redis.answering()
        assert not redis.away()
        assert redis.command("ECHO", "late") == b"late"
        time.sleep(1.2)
        assert redis.slow()
        late.seconds = 0
        until = time.monotonic() + 20
        while redis.slow() and time.monotonic() < until:
            time.sleep(0.02)
        assert redis.answering()
    redis.forget()


def test_a_process_that_is_late_itself_does_not_take_redis_for_slow(own_valkey, settings):
    """As under gevent, where whoever waits for Redis lets others work."""
    pipe = redis.Pipe(redis.get_redis_connection("default").connection_pool.make_connection(), lasting=True)
    pipe.ask(("PING",))
    for _ in range(5):
        pipe._answered(time.monotonic() - 1, time.thread_time() - 1)
    assert not pipe.slow()
    for _ in range(3):
        pipe._answered(time.monotonic() - 1, time.thread_time())
    assert pipe.slow()


def test_a_thread_that_comes_and_goes_finds_out_by_itself(own_valkey):
    pipe = redis.Pipe(redis.get_redis_connection("default").connection_pool.make_connection(), lasting=False)
    own_valkey.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        with pytest.raises(redis.RedisAway):
            pipe.ask(("PING",))
    own_valkey.process.send_signal(signal.SIGCONT)
    with pytest.raises(redis.RedisAway):
        pipe.ask(("PING",))
    time.sleep(1.05)
    assert pipe.ask(("ECHO", "back")) == b"back"


def test_calls_that_wait_behind_a_frozen_exchange_fail_with_it(own_valkey):
    own_valkey.process.send_signal(signal.SIGSTOP)
    took = []
    threads = [threading.Thread(target=lambda: took.append(timed_call())) for _ in range(20)]
    run(threads)
    assert len(took) == 20
    assert max(took) < 0.4


def test_the_connection_options_leave_no_retry():
    pool = redis.get_redis_connection("default").connection_pool
    assert pool.make_connection().retry.get_retries() == 0


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, gevent.pool
import django
django.setup()
from keys import redis

def ask(number):
    for turn in range(50):
        assert redis.command("ECHO", f"{number}-{turn}") == f"{number}-{turn}".encode()
    return number

jobs = [gevent.spawn(ask, number) for number in range(50)]
# Killed in mid-call, again and again: nobody else may get the wrong reply, or none.
for _ in range(200):
    victim = gevent.spawn(ask, 1000)
    gevent.sleep(0.0005)
    victim.kill()
gevent.joinall(jobs, timeout=20)
wrong = [job for job in jobs if job.value is None and not isinstance(job.exception, redis.RedisAway)]
assert not wrong, [job.exception for job in wrong]
assert redis.command("ECHO", "after") == b"after"
print(gevent.get_hub().threadpool.apply(ask, (7,)))
"""


KILLED_IN_LINE = """
import time
native_sleep = time.sleep
from gevent import monkey
monkey.patch_all()
import gevent
import django
django.setup()
from keys import redis

def answers():
    asked = gevent.spawn(redis.command, "ECHO", "after")
    asked.join(2)
    return asked.value == b"after"

assert answers()
for turns in range(5):
    for begun in range(5):
        leader = gevent.spawn(redis.command, "ECHO", "leader")
        for _ in range(begun):
            gevent.sleep(0)
        native_sleep(0.001)  # the leader's reply is there, and is seen as soon as the loop turns
        follower = gevent.spawn(redis.command, "ECHO", "follower")
        for _ in range(turns):
            gevent.sleep(0)
        follower.kill()
        assert answers(), (turns, begun)
print("answers")
"""


@pytest.mark.parametrize(
    ("program", "printed"), [(GREENLETS, "7"), (KILLED_IN_LINE, "answers")], ids=["many", "in line"]
)
def test_greenlets_and_the_hubs_thread_pool_share_no_reply_even_when_killed(program, printed):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "proxy_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout.strip() == printed, done.stderr
