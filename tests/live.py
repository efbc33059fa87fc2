"""The product as it is run: gunicorn with its own settings over PostgreSQL and Valkey, before a loopback upstream.

A pytest plugin (`-p tests.live`). `live` is one server for the whole run; `started_live` starts another with settings
of its own. A console process beside it does what management commands and the shell do, without a start-up each time.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import psycopg.rows
import pytest

from tests import services
from tests.loopback import Upstream

ROOT = Path(__file__).resolve().parent.parent
# Short, so that a test of a deadline takes seconds.
DEADLINES = {
    "DRAGOMAN_CONNECT_TIMEOUT": "2",
    "DRAGOMAN_FIRST_BYTE_TIMEOUT": "3",
    "DRAGOMAN_IDLE_TIMEOUT": "3",
    "DRAGOMAN_TOTAL_TIMEOUT": "30",
    "DRAGOMAN_BODY_TIMEOUT": "2",
    "DRAGOMAN_PING_INTERVAL": "1",
    "DRAGOMAN_DRAIN_SECONDS": "3",
}
UPSTREAM_KEYS = {"OPENAI_API_KEY": "sk-upstream-openai", "ANTHROPIC_API_KEY": "sk-ant-upstream"}


@dataclass(frozen=True)
class Answer:
    """What came back. headers: lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Live:
    """A running server. url: without /v1; token: a key that may use every model; upstream: the provider it calls."""

    port: int
    database_url: str
    environment: dict[str, str]
    upstream: Upstream
    server: subprocess.Popen[bytes]
    console: subprocess.Popen[bytes]
    folder: Path
    valkey: services.Service
    token: str = ""
    _connection: psycopg.Connection[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request over a connection of its own. `body`: bytes as they are, anything else as JSON. The key of this
        server goes with it unless `headers` name an authorization of their own (None: no header at all)."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, {name: value for name, value in given.items() if value is not None})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def chat(self, body: Mapping[str, Any], **headers: str) -> Answer:
        """POST /v1/proxy/chat/completions; header names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/v1/proxy/chat/completions", dict(body), named)

    def manage(self, *words: str) -> str:
        """A management command's stdout, stripped."""
        return str(self.python("result = manage(*words)", words=list(words))).strip()

    def python(self, source: str, **names: Any) -> Any:
        """Run Python beside the server, over its database; what it leaves in `result` comes back through JSON."""
        assert self.console.stdin is not None
        assert self.console.stdout is not None
        self.console.stdin.write(json.dumps({"source": source, "names": names}).encode() + b"\n")
        self.console.stdin.flush()
        reply = json.loads(self.console.stdout.readline())
        if "error" in reply:
            raise AssertionError(reply["error"])
        return reply["result"]

    def key(self, name: str = "test", *words: str) -> str:
        """A new virtual key; `words` as for issue_key."""
        return self.manage("issue_key", "--name", name, *words)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """A query of the server's tables, as they are now."""
        if self._connection is None:
            self._connection = psycopg.connect(self.database_url, autocommit=True, row_factory=psycopg.rows.dict_row)
        return self._connection.execute(sql.encode(), values or None).fetchall()

    def usage(self, request_id: str, seconds: float = 20) -> dict[str, Any]:
        """The final usage row of one request: shipped now, waited for up to `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            self.manage("ship_usage")
            found = self.rows("SELECT * FROM cache_admin_usagerecord WHERE id = %s AND status <> 'open'", request_id)
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"no final usage row for {request_id}"
            time.sleep(0.05)

    def log(self) -> str:
        """What server and console have written so far."""
        return (self.folder / "server.log").read_text(errors="replace")


@pytest.fixture(scope="session")
def running_server() -> Iterator[Live]:
    with started_live() as server:
        yield server


@pytest.fixture
def live(running_server: Live) -> Live:
    """The run's server, its upstream with an empty memory and the default script."""
    forget(running_server.upstream)
    return running_server


def forget(upstream: Upstream) -> None:
    fresh = Upstream()
    upstream.forget()
    upstream._default, upstream._paths, upstream._next = fresh._default, {}, fresh._next
    fresh.close()


@contextmanager
def started_live(**settings: str) -> Iterator[Live]:
    """A server with a database, a Valkey, a data folder and an upstream of its own; `settings`: environment on top
    (an empty value takes a variable away)."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dgm-live-")))
        upstream = stack.enter_context(Upstream())
        valkey = services.start_valkey()
        stack.callback(valkey.stop)
        as_all = "DRAGOMAN_MASTER_KEYS" not in settings
        database_url = stack.enter_context(own_database(migrated(os.environ["DATABASE_URL"]) if as_all else ""))
        given = {**words(folder, database_url, valkey.url, upstream), **settings}
        environment = {name: value for name, value in given.items() if value}
        console = stack.enter_context(child([sys.executable, "-m", "tests.console"], environment, folder))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        server = Live(port, database_url, environment, upstream, console, console, folder, valkey)
        if not as_all:
            server.manage("migrate", "--verbosity", "0")
        command = [sys.executable, "-m", "gunicorn", "-c", "python:proxy_site.gunicorn_conf"]
        command += ["--bind", f"fd://{listener.fileno()}", "--workers", "2"]
        server.server = stack.enter_context(child(command, environment, folder, listener.fileno()))
        listener.close()
        server.token = server.key("live")
        wait_until_ready(server)
        yield server


def words(folder: Path, database_url: str, redis_url: str, upstream: Upstream) -> dict[str, str]:
    return {
        **common(database_url, redis_url, folder),
        **DEADLINES,
        **UPSTREAM_KEYS,
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "ANTHROPIC_BASE_URL": f"{upstream.url}/v1",
    }


def common(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """The environment of every process of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "DRAGOMAN_MASTER_KEYS") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "proxy_site.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DRAGOMAN_DATA_DIR": str(folder / "data"),
    }


@contextmanager
def own_database(model: str = "") -> Iterator[str]:
    """A new database on the run's PostgreSQL, a copy of `model` where there is one; dropped at the end whoever still
    uses it."""
    name = f"dragoman_live_{os.getpid()}_{time.monotonic_ns()}"
    run_sql(f"CREATE DATABASE {name} TEMPLATE {model or 'template1'}")
    try:
        yield address_of(name)
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def address_of(name: str) -> str:
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@cache
def migrated(_server: str) -> str:
    """The name of a database that all migrations have been run on, made once on each PostgreSQL: a copy of it costs a
    fortieth of them. What it holds is sealed by the run's master key."""
    name = f"dragoman_migrated_{os.getpid()}_{time.monotonic_ns()}"
    run_sql(f"CREATE DATABASE {name}")
    atexit.register(forgotten, name)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
            env=common(address_of(name), os.environ["REDIS_URL"], Path(folder)),
            cwd=folder,
            check=True,
        )
    return name


def forgotten(name: str) -> None:
    with suppress(psycopg.OperationalError):  # the server may have gone with the run
        run_sql(f"DROP DATABASE {name}")


def run_sql(statement: str) -> None:
    """Over a connection of its own: a test may have stopped and started the server meanwhile."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def child(
    command: list[str], environment: dict[str, str], folder: Path, *descriptors: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the length of a block, its stderr in server.log; then killed with all that it started: a test that
    is about an end in order asks for it itself, and the others need not wait for one."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if "tests.console" in command else log,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,
            preexec_fn=services.die_with_parent,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_ready(server: Live, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if server.request("GET", "/readyz").status == 200:
                return
        if server.server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not come up: {server.log()}")
        time.sleep(0.02)
