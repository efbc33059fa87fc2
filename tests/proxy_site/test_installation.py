"""What an installation keeps, and what Django and Celery are told of its servers."""

from __future__ import annotations

import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from redis import RedisError

from proxy_site import installation
from tests import services


@pytest.fixture
def valkey() -> Iterator[services.Service]:
    service = services.start_valkey()
    yield service
    service.stop()


def ping() -> None:
    caches["default"].client.get_client().ping()  # type: ignore[attr-defined]


def answered() -> None:
    """A first connection has 70 ms as any other, on a machine that may be busy."""
    for _ in range(20):
        with suppress(RedisError):
            return ping()
    raise AssertionError("Redis does not answer")


def seconds_of_a_command() -> float:
    """The least of three, for the machine may be busy."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(RedisError):
            ping()
        took.append(time.monotonic() - began)
    return min(took)


def test_a_dead_redis_costs_a_command_next_to_nothing(valkey: services.Service) -> None:
    with override_settings(CACHES={"default": installation.cache(valkey.url)}):
        answered()
        valkey.stop()
        assert seconds_of_a_command() < 0.05


def test_a_frozen_redis_costs_a_command_its_timeout_and_no_retry(valkey: services.Service) -> None:
    with override_settings(CACHES={"default": installation.cache(valkey.url)}):
        answered()
        valkey.process.send_signal(signal.SIGSTOP)
        assert 0.06 < seconds_of_a_command() < 0.13  # a second try would make it 0.14


@pytest.mark.parametrize(
    ("url", "cache", "broker"),
    [
        ("unix:///run/v.sock", "unix:///run/v.sock?db=1", "redis+socket:///run/v.sock?virtual_host=2"),
        ("unix:///run/v.sock?db=4", "unix:///run/v.sock?db=4", "redis+socket:///run/v.sock?virtual_host=5"),
        ("redis://h:6379", "redis://h:6379/1", "redis://h:6379/2"),
        ("redis://:p@h/3", "redis://:p@h/3", "redis://:p@h/4"),
        (
            "rediss://h/0?ssl_cert_reqs=required",
            "rediss://h/0?ssl_cert_reqs=required",
            "rediss://h/1?ssl_cert_reqs=required",
        ),
    ],
)
def test_cache_and_broker_get_databases_of_their_own(url: str, cache: str, broker: str) -> None:
    assert installation.redis_urls(url) == (cache, broker)


@pytest.mark.parametrize("url", ["http://h", "h:6379", ""])
def test_an_address_that_is_no_redis_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        installation.redis_urls(url)


def test_a_secret_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    first = installation.kept_secret(tmp_path, "master_key")
    assert installation.kept_secret(tmp_path, "master_key") == first
    assert stat.S_IMODE((tmp_path / "secrets" / "master_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert len(first) == 64


def test_of_many_that_make_a_secret_at_once_one_wins_for_all(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(installation.kept_secret(tmp_path, "k"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["k"]


def test_a_socket_path_is_short_however_long_the_data_folder_is() -> None:
    url = installation.embedded_redis_url(Path("/" + "very-long-name/" * 30))
    assert len(url.removeprefix("unix://")) < 100


def test_a_database_url_becomes_djangos_words() -> None:
    words = installation.postgres("postgres://us%40er:p%2Fw@h:5433/db?sslmode=require")
    assert (words["USER"], words["PASSWORD"], words["HOST"], words["PORT"], words["NAME"]) == (
        "us@er",
        "p/w",
        "h",
        "5433",
        "db",
    )
    assert words["OPTIONS"]["sslmode"] == "require"
    assert words["CONN_MAX_AGE"] == 0


def test_a_database_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        installation.postgres("mysql://h/db")


def test_each_data_folder_has_a_queue_of_its_own_for_shipping() -> None:
    queues = {installation.ship_queue(Path(folder)) for folder in ("/a", "/b", "/a")}
    assert len(queues) == 2
