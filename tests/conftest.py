"""What every test stands on: a real PostgreSQL and Redis, asserted by name, so that none can fall back in silence."""

from __future__ import annotations

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hypothesis import HealthCheck
from pytest_django import DjangoDbBlocker

# Half of the usual hundred: the run is to stay under five minutes. `make test-long` has ten times as many. A property
# that wants more than the others asks for a multiple of `settings.default.max_examples`. No example is judged by the
# clock: others may be using the machine. The usual run tries the same examples each time, so that a change is judged by
# itself; new ones are looked for by the long run.
for profile, examples in (("quick", 50), ("thorough", 500)):
    hypothesis.settings.register_profile(
        profile,
        max_examples=examples,
        derandomize=profile == "quick",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: last of all, one worker would be at it while the others had nothing to do."""
    items.sort(key=lambda item: item.path.name != "test_serve.py")


@pytest.fixture(scope="session", autouse=True)
def real_servers() -> None:
    """The run stands on PostgreSQL, and Redis answers: within 2 s, not 70 ms, for others may be using the machine. What
    those 70 ms do is tried with Valkeys that tests start for themselves."""
    settings.CACHES["default"]["OPTIONS"].update(SOCKET_TIMEOUT=2, SOCKET_CONNECT_TIMEOUT=2)
    assert connection.vendor == "postgresql"
    assert cache.client.get_client().ping()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The test database, as it is to be after each test."""
    from tests import pristine  # models may be imported only once the apps are there

    with django_db_blocker.unblock():
        pristine.keep()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """A password's hash is to cost a fifth of a second, but not a hundred times in a run. Live servers keep theirs."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """No test finds in Redis what another one left there (the cache's database of it; about 0.1 ms)."""
    cache.client.get_client().flushdb()  # type: ignore[attr-defined]
