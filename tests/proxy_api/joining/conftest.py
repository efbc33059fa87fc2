"""A price for the model of these tests, so that calls of it cost something."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.live import Live
from tests.proxy_api.joining.company import MODEL
from tests.proxy_api.limited import PRICED

UNPRICED = "from cache_admin.models import Price\nPrice.objects.get(model=model).delete()"


@pytest.fixture(scope="module")
def priced(running_server: Live) -> Iterator[None]:
    running_server.python(PRICED, model=MODEL, output="7")
    time.sleep(1)  # every worker knows it
    yield
    running_server.python(UNPRICED, model=MODEL)
