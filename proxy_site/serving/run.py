"""From the first check to the last child: the order in which an installation comes up, runs, and goes down."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import CommandError

from proxy_site import installation
from proxy_site.serving import first_run, plan, readiness
from proxy_site.serving.children import Child
from proxy_site.serving.places import alone, bound, private_folder
from proxy_site.serving.plan import Options
from proxy_site.serving.welcome import greeting

Say = Callable[[str], None]
# Seconds: until a server that does not answer is given up; beyond the drain's own limit; for a helper to end; a look.
PATIENCE, DRAIN_MARGIN, HELPER_SECONDS, TICK = 60.0, 10.0, 10.0, 0.1
logger = logging.getLogger("dragoman.serve")


class Stopping:
    """How often we were asked to stop: once drains, twice hurries."""

    asked = 0


def serve(options: Options, say: Say) -> None:
    """Run until asked to stop. CommandError where something is in the way, or where gunicorn ends by itself."""
    os.umask(0o077)
    settings.DRAGOMAN_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.DRAGOMAN_SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note_stop)
    runtime = private_folder(installation.runtime_folder(settings.DRAGOMAN_DATA_DIR))
    with alone(settings.DRAGOMAN_DATA_DIR), bound(options.host, options.port) as listener:
        helpers: list[Child] = []
        web = plan.gunicorn(options, listener.fileno())
        try:
            come_up(web, helpers, listener, Options(options.host, listener.getsockname()[1], options.workers), say)
            go_on(web, helpers, plan.celery(runtime))
        finally:
            go_down(web, helpers)


def note_stop(*_: Any) -> None:
    Stopping.asked += 1


def started(group: list[Child], child: Child) -> Child:
    child.start(time.monotonic())
    group.append(child)
    return child


def come_up(web: Child, helpers: list[Child], listener: socket.socket, options: Options, say: Say) -> None:
    """Valkey, database, server, in this order; nothing waits for Celery."""
    runtime = installation.runtime_folder(settings.DRAGOMAN_DATA_DIR)
    if settings.EMBEDDED_VALKEY:
        started(helpers, plan.valkey(runtime, settings.DRAGOMAN_DATA_DIR))
    made = first_run.prepare()
    web.start(time.monotonic())
    # The server has it now; our copy would let connections wait that nobody takes once the server has closed its own.
    listener.close()
    if text := greeting(made, options):
        say(text)
    wait_for_answer(web, options)
    if not Stopping.asked:
        say(f"Dragoman is ready: {readiness.web_address(options.host, options.port)}")


def wait_for_answer(web: Child, options: Options) -> None:
    """Until the server answers, or we were asked to stop; CommandError where it ends or takes longer than PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not Stopping.asked and not readiness.answers(options.host, options.port):
        if web.exit_code() is not None:
            raise CommandError(f"The web server did not come up (exit status {web.exit_code()}).")
        if time.monotonic() > deadline:
            raise CommandError(f"The web server did not answer within {PATIENCE:g} s.")
        time.sleep(TICK)


def go_on(web: Child, helpers: list[Child], worker: Child) -> None:
    """Until asked to stop. The helpers are started again when they end: the proxy answers without them meanwhile."""
    if not Stopping.asked:
        started(helpers, worker)
    while not Stopping.asked:
        if web.exit_code() is not None:
            raise CommandError(f"The web server ended by itself (exit status {web.exit_code()}).")
        for helper in helpers:
            if helper.revive(time.monotonic()):
                logger.warning("%s had ended and was started again", helper.name)
        time.sleep(TICK)


def go_down(web: Child, helpers: list[Child]) -> None:
    """The server drains first, while usage is still shipped; then the helpers, the last started first."""
    web.signal(signal.SIGTERM)
    deadline = time.monotonic() + settings.DRAGOMAN_DRAIN_SECONDS + DRAIN_MARGIN
    while web.process is not None and web.exit_code() is None and time.monotonic() < deadline:
        if Stopping.asked > 1:
            web.signal(signal.SIGQUIT)
        time.sleep(TICK)
    web.stop(0)
    for helper in reversed(helpers):
        helper.stop(HELPER_SECONDS)
