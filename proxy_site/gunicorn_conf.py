"""gunicorn's settings (https://docs.gunicorn.org/en/stable/settings.html), as plain module names.

Loaded first of all in the master, so that gevent patches the standard library before anything of ours is imported: the
application is then loaded once, and the workers share its memory.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import socket  # noqa: E402
from typing import Any  # noqa: E402

import django  # noqa: E402
from django.conf import settings  # noqa: E402

from cache_admin import spool  # noqa: E402
from keys import limits  # noqa: E402
from proxy_site import callers, drain, once  # noqa: E402

django.setup(set_prefix=False)
from keys import freshness  # noqa: E402 - it has models

wsgi_app = "proxy_site.wsgi:application"
worker_class = "gevent"
worker_connections = settings.DRAGOMAN_MAX_CONNECTIONS
preload_app = True
# The control socket takes commands (scale, reload, shut down), and two instances of one user share its path.
control_socket_disable = True
# The worker's own limit of a drain; DRAGOMAN_DRAIN_SECONDS ends the calls before it.
graceful_timeout = int(settings.DRAGOMAN_DRAIN_SECONDS) + 5
timeout = 60
keepalive = 5
backlog = 2048
limit_request_fields = 100
# X-Forwarded-* and the like mean nothing here, whoever sends them: no answer of ours depends on them. So there is
# nothing to be trusted with, and it is not asked, for each request, whether the client's address may be.
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
proc_name = "dragoman"
accesslog = None
loglevel = "error"
logconfig_dict = settings.LOGGING
logger_class = "proxy_site.server_log.ServerLog"

# Bytes that the kernel may hold for one client that reads slowly; the default grows to 4 MiB.
SEND_BUFFER = 256 << 10


def when_ready(server: Any) -> None:
    """In the master, before the first fork: what is loaded by now is never garbage, and its pages stay shared."""
    for listener in server.LISTENERS:
        bound_slow_readers(listener.sock)
    gc.collect()
    gc.freeze()


def bound_slow_readers(listener: socket.socket) -> None:
    """Connections inherit from the listener (tcp(7)): a client that takes nothing for DRAGOMAN_WRITE_TIMEOUT is dropped
    by the kernel, so that the worker's write fails, and what is buffered for it is bounded.
    """
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        return
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(settings.DRAGOMAN_WRITE_TIMEOUT * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def post_worker_init(worker: Any) -> None:
    """In each worker, once the application is there: the collector is set for many live streams, the drain is watched.

    The tail of time to first token is the third generation's collections: 50-158 ms with Python's thresholds, 12-16 ms
    with these. A call leaves no cyclic garbage, so that the first generation need not be looked through often: 2 % of a
    plain request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100_000)
    once.settle(worker.cfg)
    freshness.generation()
    limits.start(spool.own().instance)
    worker.handle = callers.guarded(worker.handle)
    drain.watch(worker, settings.DRAGOMAN_DRAIN_SECONDS)
