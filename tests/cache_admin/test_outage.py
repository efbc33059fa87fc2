"""Redis gone, or the table locked: the cache misses quickly, nothing raises, and both are used again later."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import psycopg
import pytest
from django.core.cache import caches
from django.db import connection
from pytest_django.fixtures import Settings

from cache_admin.completions import Completion, find, store
from cache_admin.lookup import PAUSE_SECONDS
from cache_admin.models import StoredCompletion
from cache_admin.sealed import Slot
from cache_admin.shipping import ship
from keys import redis
from proxy_site import installation

pytestmark = pytest.mark.django_db(transaction=True)
NOW = time.time()
PARIS = Completion(b'{"id":"c"}', "openai", "gpt", "main", NOW, 3600)


@contextmanager
def redis_gone(settings: Settings, address: str) -> Iterator[None]:
    """Django's cache at another address, for the block."""
    usual = settings.CACHES
    settings.CACHES = {"default": installation.cache(address)}
    redis.forget()
    try:
        yield
    finally:
        settings.CACHES = usual
        redis.forget()


@contextmanager
def table_locked() -> Iterator[None]:
    """Another session holds the completions' table for itself, as a migration might."""
    facts = connection.settings_dict
    with psycopg.connect(
        host=facts["HOST"], port=facts["PORT"], user=facts["USER"], password=facts["PASSWORD"], dbname=facts["NAME"]
    ) as other:
        other.execute("LOCK TABLE cache_admin_storedcompletion IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


def seconds(*digests: bytes) -> list[float]:
    """How long each look-up took."""
    taken = []
    for digest in digests:
        began = time.perf_counter()
        assert find(Slot(digest, "key:1"), NOW) is None
        taken.append(time.perf_counter() - began)
    return taken


def test_without_redis_the_table_answers_and_storing_goes_on(settings: Settings, tmp_path: Path) -> None:
    store(Slot(bytes(32), "key:1"), PARIS, b"{}", {})
    ship(NOW)
    with redis_gone(settings, f"unix://{tmp_path}/nobody.sock"):
        assert find(Slot(bytes(32), "key:1"), NOW) == PARIS
        assert store(Slot(bytes([1] * 32), "key:1"), PARIS, b"{}", {})
    ship(NOW)
    assert StoredCompletion.objects.count() == 2
    assert find(Slot(bytes([1] * 32), "key:1"), NOW) == PARIS


def test_a_silent_redis_costs_little_and_soon_nothing(settings: Settings) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, redis_gone(settings, f"redis://127.0.0.1:{silent.getsockname()[1]}/1"):
        taken = seconds(*(bytes([n] * 32) for n in range(10)))
    assert sum(taken[:5]) < 1.5
    assert median(taken[5:]) < 0.05


def test_a_locked_table_costs_fifty_milliseconds_three_times_and_then_nothing() -> None:
    caches["default"].clear()
    assert find(Slot(bytes(32), "key:1"), NOW) is None
    with table_locked():
        taken = seconds(*(bytes([n] * 32) for n in range(8)))
    assert median(taken[:3]) < 0.25
    assert median(taken[3:]) < 0.03
    StoredCompletion.objects.all().delete()
    store(Slot(bytes(32), "key:1"), replace(PARIS), b"{}", {})
    ship(NOW)
    redis.command("DEL", f"c:{bytes(32).hex()}")
    time.sleep(PAUSE_SECONDS + 0.1)
    assert find(Slot(bytes(32), "key:1"), NOW) == PARIS


def test_many_look_ups_at_once_share_the_pool_and_get_their_own_answers() -> None:
    completions = {bytes([n] * 32): replace(PARIS, model=f"model-{n}") for n in range(8)}
    for digest, completion in completions.items():
        store(Slot(digest, "key:1"), completion, b"{}", {})
    ship(NOW)
    caches["default"].clear()
    wrong: list[object] = []

    def look(digest: bytes, wanted: Completion) -> None:
        for _ in range(30):
            redis.command("DEL", f"c:{digest.hex()}")
            found = find(Slot(digest, "key:1"), NOW)
            if found != wanted and found is not None:
                wrong.append(found)

    threads = [threading.Thread(target=look, args=pair) for pair in completions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
