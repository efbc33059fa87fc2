"""The end of a web worker: told to stop, it lets running calls finish, up to a limit of ours below gunicorn's own.

At gunicorn's graceful_timeout a worker is killed: its streams end with a bare FIN and no `finally` runs, so that a call
would have no final usage record. Ours comes first: every call under way ends with an error frame and its record.
"""

from __future__ import annotations

from typing import Any

import gevent

from proxy_api import transport
from proxy_api.joining import shared


class State:
    """The gunicorn worker that this process is, once there is one (the master and the tests have none)."""

    worker: Any = None


def begun() -> bool:
    """The worker was told to stop: new requests on kept connections go elsewhere."""
    return State.worker is not None and not State.worker.alive


def watch(worker: Any, seconds: float) -> None:
    """From now on: `seconds` after the worker was told to stop, end every call that still runs."""
    State.worker = worker
    gevent.spawn(end_calls, worker, seconds)


def end_calls(worker: Any, seconds: float) -> None:
    while worker.alive:
        gevent.sleep(0.2)
    shared.drain()
    gevent.sleep(seconds)
    shared.shut_down()
    transport.shut_down()
