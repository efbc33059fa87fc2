"""A second server for what the first one's settings forbid: callers' own keys, credentials at private addresses."""

from __future__ import annotations

import time
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


# Where each provider's API begins at the loopback upstream, whose paths are the vendors' own.
PLACES = {"google": "/v1beta", "cohere": "/v2", "bedrock": "", "mistral": "/v1", "together": "/v1"}
CREDENTIALS = """
from keys.models import ProviderCredential
for provider, base_url in places.items():
    row = ProviderCredential(name=f"crossing to {provider}", provider=provider, base_url=base_url)
    row.put_secret("sk-of-" + provider, "0" * 12)
    row.save()
"""
CREDENTIALS_GONE = """
from keys.models import ProviderCredential
ProviderCredential.objects.filter(name__startswith="crossing to ").delete()
"""


@pytest.fixture(scope="module")
def running_crossing(running_open_server: Live) -> Iterator[Live]:
    url = running_open_server.upstream.url
    running_open_server.python(CREDENTIALS, places={name: f"{url}{path}" for name, path in PLACES.items()})
    time.sleep(1)  # every worker knows them
    yield running_open_server
    running_open_server.python(CREDENTIALS_GONE)


@pytest.fixture
def crossing(running_crossing: Live) -> Live:
    """The open server with credentials of providers that have a language of their own."""
    forget(running_crossing.upstream)
    return running_crossing
