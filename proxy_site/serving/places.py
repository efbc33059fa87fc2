"""What one installation must have to itself: its data folder, its port, a private folder for sockets."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import CommandError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold `folder` against another `serve`; CommandError where one runs. The kernel lets go when we end, however."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another Dragoman already runs on {folder}. Stop it, or set DRAGOMAN_DATA_DIR to another folder."
            ) from None
        yield


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the address (port 0: a free one), not yet listening; CommandError where it is taken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = f"{host}:{port} cannot be listened on: {error.strerror or error}."
        raise CommandError(f"{reason} Choose another with --port.") from None
    return listener


def wait_until_gone(path: Path, seconds: float = 10) -> None:
    """Until nobody answers on a unix socket. A Valkey that outlives a killed parent for a moment removes the socket's
    name when it ends, and would take its successor's away.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                return
        time.sleep(0.1)


def private_folder(path: Path) -> Path:
    """A folder that only we may enter. The temporary directory is everybody's: one that was put there for us by someone
    else, or that others may enter, is refused.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CommandError(f"{path} must be a folder of this user with mode 0700. Remove it and start again.")
    return path
