"""A server of two processes whose deadlines leave a provider the time that a test holds it up, and a priced model."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.live import Live, forget, started_live
from tests.proxy_api.joining.company import MODEL
from tests.proxy_api.limited import PRICED

PATIENT = {
    "DRAGOMAN_FIRST_BYTE_TIMEOUT": "25",
    "DRAGOMAN_IDLE_TIMEOUT": "25",
    "DRAGOMAN_PING_INTERVAL": "0.5",
    "DRAGOMAN_DRAIN_SECONDS": "1",
    "DRAGOMAN_CACHE_MAX_BYTES": "1000000",
}


@pytest.fixture(scope="session")
def patient_server() -> Iterator[Live]:
    with started_live(**PATIENT) as server:
        server.python(PRICED, model=MODEL, output="7")
        time.sleep(1)  # every worker knows it
        yield server


@pytest.fixture
def live(patient_server: Live) -> Live:
    """Its upstream with an empty memory and the default script."""
    forget(patient_server.upstream)
    return patient_server
