"""The benchmark: the whole product on SQLite and the embedded Valkey, one web worker, a fake provider, a load.

    make bench

Measures the web server alone (gunicorn's master and its one worker; Valkey and Celery beside it are not counted): CPU
per request and per streamed chunk, memory, lost streams. CPU figures hold on a busy machine, latencies do not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
UPSTREAM_PORT, PORT = 19190, 18790
TARGET_CPU, LOAD_CPU = 0, 1


@dataclass(frozen=True)
class Scenario:
    """A row of the table. unit: what the CPU is divided by, `requests` (ms) or `chunks` (us); limited: by a key with
    limits, none of which is reached."""

    name: str
    model: str
    words: tuple[str, ...]
    unit: str = "requests"
    limited: bool = False


SCENARIOS = (
    Scenario("plain, 16 in flight", "openai/bench", ("--clients", "16", "--requests", "6000")),
    Scenario("the same, by a key with limits", "openai/bench", ("--clients", "16", "--requests", "6000"), limited=True),
    Scenario("cache hit, plain", "openai/bench", ("--clients", "16", "--requests", "6000", "--same")),
    Scenario(
        "cache hit, streamed", "openai/bench-n200", ("--clients", "16", "--requests", "4000", "--same", "--stream")
    ),
    Scenario("plain to Anthropic", "anthropic/claude-bench", ("--clients", "16", "--requests", "4000")),
    Scenario("200 streams", "openai/bench-n200-g20", ("--clients", "200", "--requests", "400", "--stream"), "chunks"),
    Scenario(
        "200 streams from Anthropic",
        "anthropic/claude-bench-n200-g20",
        ("--clients", "200", "--requests", "400", "--stream"),
        "chunks",
    ),
    Scenario(
        "1000 streams", "openai/bench-n100-g200", ("--clients", "1000", "--requests", "1000", "--stream"), "chunks"
    ),
)


def pinned(cpu: int) -> list[str]:
    """A prefix that keeps a process on one core, where the machine can do so."""
    return ["taskset", "-c", str(cpu)] if (os.cpu_count() or 1) > cpu and Path("/usr/bin/taskset").exists() else []


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=ROOT, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def environment(folder: str) -> dict[str, str]:
    address = f"http://127.0.0.1:{UPSTREAM_PORT}/v1"
    provider = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": address}
    other = {"ANTHROPIC_API_KEY": "sk-bench", "ANTHROPIC_BASE_URL": address}
    return {**os.environ, **provider, **other, "DRAGOMAN_DATA_DIR": folder}


def first_key(process: subprocess.Popen[str]) -> str:
    """The key that a first run prints, once the server says that it is ready."""
    key = ""
    assert process.stdout is not None
    for line in process.stdout:
        key = found[0] if (found := re.search(r"dgm_\w+", line)) else key
        if line.startswith("Dragoman is ready"):
            return key
    raise SystemExit("the server did not come up")


def limited_key(folder: str) -> str:
    """A key with requests and tokens a minute that nobody reaches."""
    command = [sys.executable, "manage.py", "issue_key", "--name", "limited", "--rpm", "2000000", "--tpm", "2000000000"]
    done = subprocess.run(command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def web_processes(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """gunicorn's master and worker among the children of `serve`."""
    return [
        one for one in psutil.Process(process.pid).children(recursive=True) if "gunicorn" in " ".join(one.cmdline())
    ]


def alone(web: list[psutil.Process], server: subprocess.Popen[str]) -> None:
    """The web server on a core of its own, where the machine can do so; Valkey and Celery beside the load."""
    if not pinned(LOAD_CPU):
        return
    for one in psutil.Process(server.pid).children(recursive=True):
        one.cpu_affinity([TARGET_CPU if one in web else LOAD_CPU])


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(one.cpu_times().user + one.cpu_times().system for one in processes)


def load(scenario: Scenario, key: str) -> dict[str, Any]:
    command = [*pinned(LOAD_CPU), sys.executable, "-m", "tests.bench.load", f"http://127.0.0.1:{PORT}/v1", key]
    done = subprocess.run(
        [*command, scenario.model, *scenario.words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(scenario: Scenario, key: str, web: list[psutil.Process]) -> str:
    before = cpu_seconds(web)
    seen = load(scenario, key)
    spent = cpu_seconds(web) - before
    per = spent / max(1, seen[scenario.unit])
    cost = f"{per * 1000:.3f} ms/request" if scenario.unit == "requests" else f"{per * 1e6:.1f} us/chunk"
    rate = seen["requests"] / seen["seconds"]
    times = f"{seen['first_ms'].get('p50', 0)} / {seen['first_ms'].get('p99', 0)}"
    return f"| {scenario.name} | {cost} | {rate:.0f} | {times} | {seen['failed']} of {seen['requests']} |"


def main() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dgm-bench-"))
        upstream = [*pinned(LOAD_CPU), sys.executable, "-m", "tests.bench.upstream", str(UPSTREAM_PORT)]
        stack.enter_context(running(upstream))
        command = [sys.executable, "manage.py", "serve", "--port", str(PORT), "--workers", "1"]
        server = stack.enter_context(running(command, env=environment(folder), stdout=subprocess.PIPE))
        keys = {False: first_key(server), True: limited_key(folder)}
        web = web_processes(server)
        alone(web, server)
        with urlopen(f"http://127.0.0.1:{PORT}/healthz") as answer:
            assert answer.status == 200
        time.sleep(15)  # the first run reads prices in the background
        worker = max(web, key=lambda one: one.create_time())
        print(f"idle memory of the web worker: {worker.memory_info().rss / 2**20:.0f} MB\n")
        print("| scenario | CPU | requests/s | first byte p50 / p99 ms | failed |\n|---|---|---|---|---|")
        for scenario in SCENARIOS:
            print(measured(scenario, keys[scenario.limited], web), flush=True)
    print("\nA key's limits alone:\n", flush=True)
    subprocess.run([*pinned(TARGET_CPU), sys.executable, "-m", "tests.bench.limits"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
