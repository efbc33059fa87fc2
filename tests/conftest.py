"""What every test stands on: a real PostgreSQL and Redis, asserted by name, so that none can fall back in silence."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import settings

# Half of the usual hundred: the run is to stay under five minutes. `make test-long` tries the other profile's.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def real_servers() -> None:
    """The run stands on PostgreSQL, and Redis answers."""
    assert connection.vendor == "postgresql"
    assert cache.client.get_client().ping()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """No test finds in Redis what another one left there (the cache's database of it; about 0.1 ms)."""
    cache.client.get_client().flushdb()  # type: ignore[attr-defined]
