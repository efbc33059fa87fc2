import pytest

from keys import freshness, redis
from keys.entrance import access
from keys.outward import credentials


@pytest.fixture(autouse=True)
def nothing_kept():
    """Each test begins as a new process would: nothing kept of keys and credentials, no poll, breaker closed."""
    yield
    freshness.stop()
    access.forget()
    credentials.forget()
    redis.forget()
