"""Redis is emptied, restarted, away; processes die, freeze and lose their connection: the counts stay right."""

import os
import threading
import time
from statistics import median

import pytest
from django.core.cache import cache
from django.db import OperationalError

from keys import redis
from keys.limits import ledger, reserving
from keys.limits.accounts import limits_of
from keys.limits.adoption import adopt
from keys.limits.desk import Desk, server
from keys.limits.reserving import Estimate, reserve, reserve_uncounted
from keys.limits.standing import LimitReached, LimitsAway
from keys.limits.subjects import Allowance, Subject
from keys.limits.use import state
from proxy_site import installation
from tests import services
from tests.keys.limits.conftest import take, used

GAUGE = Subject("project", "p1", concurrent_requests=3)
BUDGET = Subject("key", "k1", budgets=(Allowance("b1", "requests", "day", 10),))
NOW = time.time()


@pytest.fixture
def own_valkey(settings):
    """A Valkey of this test's own, which it may kill; `again()` starts it anew, empty, at the same place."""
    service = services.start_valkey()
    settings.CACHES = {"default": installation.cache(service.url)}
    redis.forget()
    yield service
    service.stop()
    redis.forget()


def settled(desk, calls, subject=BUDGET):
    for _ in range(calls):
        desk.settle(take(desk, subject), used())


def counted(subject=BUDGET):
    """(settled, held) of its first budget."""
    use = state(subject, NOW)[0]
    return use.used, use.held


def lose_connections():
    """As a server or a network does it, without the process's doing."""
    cache.client.get_client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def recovered(desk, *subjects):
    """A call after the process has noticed its loss."""
    for _ in range(20):
        try:
            return take(desk, *subjects)
        except LimitsAway:
            time.sleep(0.01)
    raise AssertionError("it does not come back")


def test_after_an_emptied_redis_exactly_what_was_left_is_let_in(new_desk, books):
    first, second = new_desk(), new_desk()
    settled(first, 2)
    settled(second, 3)
    books.used["dead"] += 1
    held = take(second, BUDGET)
    redis.command("FLUSHDB")
    second.beat()
    left = [take(first, BUDGET) for _ in range(3)]
    with pytest.raises(LimitReached):
        take(first, BUDGET)
    second.settle(held, used())
    assert counted() == (7, 3)
    assert len(left) == 3


def test_nobody_is_let_in_before_the_others_could_say_what_they_hold(new_desk):
    first, second = new_desk(), new_desk()
    for _ in range(3):
        take(second, GAUGE)
    take(first, BUDGET)
    redis.command("FLUSHDB")
    threading.Timer(0.15, second.beat).start()
    with pytest.raises(LimitReached):
        take(first, GAUGE)


def test_a_restored_snapshot_of_an_older_time_is_not_believed(new_desk, books):
    settled(new_desk(), 2)
    books.used["dead"] += 7  # the snapshot is from before that process was
    redis.command("SET", "dgm:limits:epoch", "1 another-run-of-the-server")
    later = new_desk()
    take(later, BUDGET)
    assert counted() == (7, 1)


def test_one_evicted_account_is_summed_from_the_ledger_and_from_what_processes_say(new_desk, books):
    first, second = new_desk(), new_desk()
    settled(first, 2)
    settled(second, 3)
    books.used.update({first.instance: 1, second.instance: 3, "dead": 2})  # the first one's last call has not landed
    (name,) = redis.command("KEYS", "dgm:l:1:b:*")
    redis.command("DEL", name)
    take(first, BUDGET)
    assert counted() == (2 + 3 + 2, 1)


def test_calls_of_before_a_budget_was_made_count(new_desk, books):
    first, second = new_desk(), new_desk()
    books.used.update({first.instance: 4, second.instance: 3})
    settled(first, 1)
    assert counted() == (8, 0)
    settled(second, 1)
    assert counted() == (9, 0)
    redis.command("FLUSHDB")
    second.beat()
    settled(first, 1)
    assert counted() == (10, 0)


def test_what_a_killed_process_held_is_free_once_its_life_has_ended(new_desk):
    dead, other = new_desk(), new_desk()
    for _ in range(3):
        take(dead, GAUGE)
    with pytest.raises(LimitReached):
        take(other, GAUGE)
    assert 0 < redis.command("PTTL", f"dgm:alive:{dead.instance}") <= 15_000
    redis.command("DEL", f"dgm:alive:{dead.instance}")  # its time has come
    take(other, GAUGE)


def test_a_process_that_was_only_frozen_holds_again_what_it_held(new_desk):
    frozen, other = new_desk(), new_desk()
    held = [take(frozen, GAUGE) for _ in range(2)]
    redis.command("DEL", f"dgm:alive:{frozen.instance}")
    take(other, GAUGE)
    frozen.settle(held[0], used())  # before it knows that it was taken for dead
    frozen.beat()
    take(other, GAUGE)
    with pytest.raises(LimitReached):
        take(other, GAUGE)


def test_a_lost_connection_loses_no_word_for_good(new_desk):
    desk = new_desk()
    held = [take(desk, GAUGE, BUDGET) for _ in range(3)]
    lose_connections()
    for one in held:
        desk.settle(one, used())  # told into a connection that is gone
    recovered(desk, GAUGE, BUDGET)
    assert counted() == (3, 1)
    assert take(desk, GAUGE).standings[0].counts[0] == 2


def test_a_server_that_forgot_its_scripts_is_told_them_again(new_desk):
    desk = new_desk()
    held = take(desk, GAUGE, BUDGET)
    redis.command("SCRIPT", "FLUSH")
    desk.settle(held, used())  # lost
    desk.beat()
    assert counted() == (1, 0)
    assert take(desk, GAUGE).standings[0].counts[0] == 1


def test_what_a_server_without_its_scripts_was_told_is_said_anew_though_another_has_told_it_them(new_desk):
    desk, other = new_desk(), new_desk()
    held = take(desk, GAUGE, BUDGET)
    other.beat()
    redis.command("SCRIPT", "FLUSH")
    desk.settle(held, used())  # refused
    other.beat()
    desk.beat()
    assert counted() == (1, 0)
    assert take(desk, GAUGE).standings[0].counts[0] == 1


def test_without_redis_limits_cannot_be_counted_and_nothing_waits_for_it(own_valkey, books):
    desk = Desk("one", recovery=0)
    held = take(desk, GAUGE)
    own_valkey.process.kill()
    own_valkey.process.wait()
    took = []
    for _ in range(5):
        started = time.monotonic()
        with pytest.raises(LimitsAway):
            take(desk, GAUGE)
        took.append(time.monotonic() - started)
    assert median(took) < 0.05
    desk.settle(held, used())


def test_what_was_let_in_without_redis_counts_once_it_is_back(new_desk):
    desk = new_desk()
    settled(desk, 1)
    limits = limits_of((GAUGE, BUDGET), NOW)
    held = [desk.take_uncounted(limits, Estimate(1).amounts()) for _ in range(3)]
    desk.settle(held[0], used())
    take(desk, BUDGET)
    assert counted() == (2, 3)
    for one in held:
        desk.settle(one, used())
    assert counted() == (4, 1)


def test_without_redis_and_ledger_a_budget_is_not_guessed(new_desk, books):
    desk = new_desk()
    settled(desk, 1)
    books.away = OperationalError("gone")
    settled(desk, 1)  # Redis knows
    redis.command("FLUSHDB")
    with pytest.raises(LimitsAway):
        take(desk, BUDGET)
    books.away = None
    time.sleep(1.1)  # the reader asks again after a second
    take(desk, BUDGET)
    assert counted() == (2, 1)


def test_a_dead_processs_word_is_replaced_by_the_ledgers(new_desk, books):
    dead, other = new_desk(), new_desk()
    settled(dead, 3)
    take(dead, BUDGET)
    settled(other, 2)
    books.used[dead.instance] = 4  # its last call had ended, and nobody was told
    adopt(dead.instance)
    assert counted() == (6, 0)
    adopt(dead.instance)
    assert counted() == (6, 0)


def test_a_process_that_dies_while_its_sum_is_read_is_read_again(new_desk, books):
    desk = new_desk()
    books.used["dead"] = 1
    stale = threading.Event()
    usual = books.sums

    def landing(account, process):
        found = usual(account, process)
        if not stale.is_set() and not process:
            stale.set()
            books.used["dead"] = 5  # its last records land, and it is adopted, after the ledger was read
            adopt("dead")
        return found

    ledger.register(landing)
    take(desk, BUDGET)
    assert counted() == (5, 1)


def test_absurd_sums_of_the_ledger_spoil_no_account(new_desk, books):
    books.used.update({"one": 2**64, "two": -5})
    with pytest.raises(LimitReached):
        take(new_desk(), BUDGET)
    books.used.clear()
    settled(new_desk(), 1, Subject("key", "k2", budgets=BUDGET.budgets))


def test_a_budget_reset_by_hand_begins_with_what_came_since(new_desk, books):
    desk = new_desk()
    settled(desk, 10)
    books.used.clear()
    again = Subject("key", "k1", budgets=(Allowance("b1", "requests", "day", 10, since=NOW - 1),))
    settled(desk, 4, again)
    assert counted(again) == (4, 0)


def test_state_comes_from_the_ledger_where_redis_says_nothing(new_desk, books):
    books.used["someone"] = 6
    (use,) = state(BUDGET, NOW)
    assert (use.budget_id, use.unit, use.period, use.amount, use.used, use.held) == ("b1", "requests", "day", 10, 6, 0)
    assert use.start <= NOW < use.end == use.start + 86400


def test_a_process_has_one_desk_that_beats_and_a_child_has_its_own(books):
    reserve((GAUGE,), "parent", Estimate(1), time.time())
    session = reserving.desk_of("parent").session
    redis.command("DEL", "dgm:alive:parent")
    assert wait_until(lambda: redis.command("EXISTS", "dgm:alive:parent") == 1)
    assert reserving.desk_of("parent").session.number > session.number
    child = os.fork()
    if not child:
        os._exit(len(reserving._beating))
    assert os.waitpid(child, 0)[1] == 0


def test_headers_stand_as_the_call_found_them_and_settling_twice_is_once(books):
    rpm = Subject("key", "k1", requests_per_minute=10, budgets=BUDGET.budgets)
    reservation = reserve((rpm,), "one", Estimate(1), NOW)
    assert reservation.headers()["x-ratelimit-remaining-requests"] == "9"
    reservation.settle(5, 0)
    reservation.settle(5, 0)
    assert counted() == (1, 0)
    assert reserve_uncounted((rpm,), "one", Estimate(1), NOW).headers() == {}


def wait_until(condition, seconds=3.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_the_servers_run_is_told():
    assert len(server()) == 40
