"""`manage.py serve`, as a new user runs it: SQLite, an embedded Valkey, nothing set up beforehand."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.live import ROOT
from tests.loopback import Upstream

pytestmark = pytest.mark.timeout(120)
COMMAND = [sys.executable, str(ROOT / "manage.py"), "serve"]
SMALL = ("--port", "0", "--workers", "1")


class Served:
    """A running `serve`: its process, what it printed, its address."""

    def __init__(self, folder: Path, upstream: Upstream, *words: str, log: str = "serve.log") -> None:
        self.folder, self.log = folder, folder / log
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, *words], env=environment(folder, upstream), stdout=out, stderr=subprocess.STDOUT, cwd=folder
            )

    @property
    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self) -> str:
        until(lambda: "Dragoman is ready: " in self.printed or self.process.poll() is not None, 60)
        found = re.search(r"Dragoman is ready: (http://127\.0\.0\.1:\d+)$", self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]

    @property
    def token(self) -> str:
        """The key that a first run shows."""
        found = re.search(r"\bdgm_\w+", self.printed)
        assert found, self.printed
        return found[0]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        """At once, with all that it started."""
        if self.process.poll() is None:
            for process in [*self.family(), self.process]:
                process.kill()
        self.process.wait()

    def program(self, word: str) -> psutil.Process:
        """The child whose command line holds `word`."""
        return next(
            child
            for child in psutil.Process(self.process.pid).children()
            if any(word in part for part in child.cmdline())
        )

    def has(self, word: str) -> bool:
        return any(
            word in part
            for child in psutil.Process(self.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE
            for part in child.cmdline()
        )


def environment(folder: Path, upstream: Upstream) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DRAGOMAN_DATA_DIR": str(folder / "data"),
        "OPENAI_API_KEY": "sk-upstream",
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "DRAGOMAN_DRAIN_SECONDS": "3",
    }


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def asked(url: str, token: str) -> dict[str, Any]:
    """One cacheable chat request; the answer's headers and body."""
    body = {"model": "openai/gpt-4o-mini", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return {"status": response.status, "cache": response.headers["x-dragoman-cache"], "body": json.load(response)}


def statuses(folder: Path) -> list[str]:
    """The statuses in the usage table, as SQLite has them now."""
    with closing(sqlite3.connect(folder / "data" / "dragoman.sqlite3")) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM cache_admin_usagerecord")]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture
def serve(tmp_path: Path, upstream: Upstream) -> Iterator[Callable[..., Served]]:
    """Starts one that only this test has; all in one folder."""
    started: list[Served] = []

    def start(*words: str) -> Served:
        started.append(Served(tmp_path, upstream, *words))
        return started[-1]

    yield start
    for served in started:
        served.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    """A first run that comes up by itself and that no test ends."""
    served = Served(tmp_path_factory.mktemp("shared"), upstream, *SMALL)
    served.wait_ready()
    yield served
    served.end()


def test_it_comes_up_by_itself_and_answers(shared: Served) -> None:
    url = shared.wait_ready()
    assert f"curl {url}/v1/chat/completions" in shared.printed
    assert re.search(rf"Admin: {url}/admin/  user: admin  password: \S+", shared.printed)
    assert asked(url, shared.token)["status"] == 200
    assert until(lambda: asked(url, shared.token)["cache"].startswith("hit"))
    assert until(lambda: "ok" in statuses(shared.folder)), "Celery ships what beat asks it to"


def test_secrets_and_data_are_ours_alone(shared: Served) -> None:
    data = shared.folder / "data"
    assert [path for path in data.rglob("*") if path.stat().st_mode & 0o077] == []
    assert {path.name for path in (data / "secrets").iterdir()} == {"master_key", "secret_key"}


def test_another_beside_it_is_refused(shared: Served, upstream: Upstream) -> None:
    another = Served(shared.folder, upstream, "--port", "0", log="another.log")
    assert another.process.wait(30) != 0
    assert "Another Dragoman already runs on" in another.printed


def test_a_valkey_that_dies_comes_back_and_the_proxy_answers_meanwhile(shared: Served) -> None:
    url = shared.wait_ready()
    asked(url, shared.token)
    shared.program("valkey").kill()
    assert asked(url, shared.token)["status"] == 200
    assert until(lambda: shared.has("valkey"))
    assert until(lambda: asked(url, shared.token)["cache"].startswith("hit"))


def test_asked_to_stop_it_goes_down_in_order_and_the_second_run_shows_no_secret(serve: Callable[..., Served]) -> None:
    first = serve(*SMALL)
    first.wait_ready()
    goes_down(first, signal.SIGTERM)
    second = serve(*SMALL)
    second.wait_ready()
    assert "dgm_" not in second.printed
    assert "password" not in second.printed
    goes_down(second, signal.SIGINT)


def goes_down(served: Served, asked_by: signal.Signals) -> None:
    assert until(lambda: served.has("celery"))
    family = served.family()
    served.process.send_signal(asked_by)
    assert served.process.wait(30) == 0
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_when_the_web_server_dies_everything_stops_with_an_error(serve: Callable[..., Served]) -> None:
    served = serve(*SMALL)
    served.wait_ready()
    family = served.family()
    served.program("gunicorn").kill()
    assert served.process.wait(30) == 1
    assert "The web server ended by itself" in served.printed
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_a_parent_that_is_killed_leaves_no_child_behind(serve: Callable[..., Served]) -> None:
    served = serve(*SMALL)
    served.wait_ready()
    assert until(lambda: served.has("celery"))
    family = served.family()
    served.process.kill()
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_a_port_that_is_taken_is_said_in_one_line(serve: Callable[..., Served]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = serve("--port", str(port))
        assert served.process.wait(30) == 1
        assert f"127.0.0.1:{port} cannot be listened on" in served.printed
        assert "Traceback" not in served.printed
