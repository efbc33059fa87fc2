"""A second server for what the first one's settings forbid: callers' own keys, credentials at private addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import Live, forget, started_live


@pytest.fixture(scope="session")
def running_open_server() -> Iterator[Live]:
    with started_live(DRAGOMAN_ALLOW_PROVIDER_KEYS="1", DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS="127.0.0.1") as server:
        yield server


@pytest.fixture
def open_live(running_open_server: Live) -> Live:
    """The run's open server, its upstream with an empty memory and the default script."""
    forget(running_open_server.upstream)
    return running_open_server
