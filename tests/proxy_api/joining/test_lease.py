"""Leases in a real Redis: who gets one, how long it lives, when it is gone, and what is looked up again after it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from cache_admin import completions, spool
from cache_admin.completions import Completion
from cache_admin.sealed import Slot
from keys import redis
from proxy_api.caching import Policy
from proxy_api.flight import Call, Plan
from proxy_api.joining import lease as leases
from proxy_api.joining.audience import Ear
from proxy_api.joining.leading import Leader
from proxy_api.joining.lease import LEASE, Holder, Lease
from proxy_api.joining.shared import End, Shared

OTHER = Holder("another-process", "its-call")


class Silent:
    """Leads a call that nobody hears."""

    def begin(self) -> None: ...
    def lapse(self) -> None: ...


@pytest.fixture
def name() -> Iterator[str]:
    """Of a call that nobody has made; no lease is left behind."""
    yield uuid.uuid4().hex * 2
    for lease in leases._keeper.all():
        lease.release()


def kept_by(name: str) -> bytes | None:
    found: bytes | None = redis.command("GET", f"j:{name}")
    return found


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_look_up_takes_the_lease_along_where_it_finds_nothing(name: str) -> None:
    redis.command("SET", "c:there", "value")
    assert Lease(name, "first").get("c:there") == b"value"
    assert kept_by(name) is None
    lease = Lease(name, "first")
    assert lease.get("c:nowhere") is None
    assert kept_by(name) == f"{spool.own().instance} first".encode()
    assert 0 < redis.command("PTTL", f"j:{name}") <= LEASE * 1000
    assert (lease.take(), lease.held, lease.late) == (None, True, False)


def test_who_comes_second_knows_who_holds_it_until_that_is_in_doubt(name: str) -> None:
    redis.command("SET", f"j:{name}", " ".join(OTHER))
    lease = Lease(name, "mine")
    assert lease.get("c:nowhere") is None
    redis.command("DEL", f"j:{name}")
    other = Lease(name, "mine too")
    other.get("c:nowhere")
    other.teller = Silent()
    assert lease.take() == OTHER
    assert lease.take() == Holder(spool.own().instance, "mine too")
    redis.command("SET", f"j:{name}", " ".join(OTHER))
    doubting = Lease(name, "mine")
    doubting.get("c:nowhere")
    other.release()
    doubting.doubt()
    assert (doubting.take(), doubting.late) == (None, True)


def test_what_one_call_of_a_process_holds_another_leads_with(name: str) -> None:
    """The first is still at its look-up."""
    first, second = Lease(name, "first"), Lease(name, "second")
    first.get("c:nowhere")
    second.get("c:nowhere")
    assert second.take() is None
    assert (first.held, second.held, second.call) == (False, True, "first")
    second.release()
    assert kept_by(name) is None


def test_a_lease_is_gone_at_once_or_soon_and_not_where_it_may_be_anothers(name: str) -> None:
    first = Lease(name, "first")
    first.get("c:nowhere")
    first.release(("SET", "told", "after"))
    assert (kept_by(name), redis.command("GET", "told")) == (None, b"after")
    second = Lease(name, "second")
    second.get("c:nowhere")
    second.forget()
    until(lambda: kept_by(name) is None, 1)
    third = Lease(name, "third")
    third.get("c:nowhere")
    third.renewed -= LEASE
    redis.command("SET", f"j:{name}", " ".join(OTHER))
    third.release()
    assert kept_by(name) == " ".join(OTHER).encode()


def test_a_lease_lives_as_long_as_somebody_leads(name: str) -> None:
    led, waiting = Lease(name, "led"), Lease(f"{name}-waiting", "waiting")
    for lease in (led, waiting):
        lease.get("c:nowhere")
    led.teller = Silent()
    redis.command("PEXPIRE", f"j:{name}", 1_400)
    until(lambda: kept_by(waiting.name) is None, 2)
    until(lambda: redis.command("PTTL", f"j:{name}") > 1_500, 2)
    led.asked(time.monotonic())
    redis.command("DEL", f"j:{name}")
    until(lambda: kept_by(name) is not None, 1)
    assert led.epoch == 1


def test_an_answer_that_was_kept_between_look_up_and_lease_is_found(name: str) -> None:
    slot = Slot(bytes.fromhex(name), "key:1")
    completion = Completion(b'{"id": 1}', "openai", "gpt", "main", stored_at=time.time(), ttl=60)
    completions.put(slot, completion, b"{}", {})
    lease = Lease(slot.name, "mine")  # its look-up found an answer that was too old
    plan = Plan((), Policy(read=True, write=True, ttl=60), slot, lease=lease)
    leader = Leader(cast(Call, None), plan, cast(Any, None), Ear(None, frames=False))  # it calls nobody
    shared = Shared(slot.name)
    with pytest.raises(StopIteration) as ended:
        next(leader.source(shared))
    assert isinstance(ended.value.value, End)
    assert ended.value.value.answer == completion.answer
    assert (shared.speaker is not None and shared.speaker.provider, lease.held) == ("openai", False)
    assert kept_by(slot.name) is None
