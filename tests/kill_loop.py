"""The durability of the usage log under kill -9, against the live server. `python -m tests.kill_loop --seconds 60`.

Clients keep asking while workers, the whole server, the shipper, Redis and PostgreSQL are killed at random. Afterwards:
every answer that a client received whole has exactly one row, `ok`, with its tokens; every request that the provider
saw has a row; none is left open; landing the same spool again changes nothing. The verdict is one line.
"""

from __future__ import annotations

import argparse
import atexit
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
import psycopg

from tests import services
from tests.bodies import openai_answer, openai_chunk, openai_usage
from tests.client import Client, hello
from tests.live import ROOT, Live, started_live
from tests.loopback import Call, Upstream, close, raw, stream, wire_of

CLIENTS = 12
LEAST = 100  # answers that clients received whole: with fewer a verdict says little
KINDS = {"worker", "server", "kill_shipper", "redis", "database"}
SHIPPER = """
import time, django; django.setup()
from cache_admin.shipping import ship
while True:
    ship(time.time()); time.sleep(0.2)
"""
TABLE = "SELECT md5(string_agg(record::text, ' ' ORDER BY id)) AS sum FROM cache_admin_usagerecord AS record"


# -- the provider ------------------------------------------------------------------------------------------------
def tokens_of(mark: str) -> tuple[int, int]:
    """Prompt and completion tokens, each call's own."""
    return int(mark[:4], 16), int(mark[4:8], 16)


def is_cut(mark: str) -> bool:
    """One call in ten is cut by the provider in the middle of its answer."""
    return int(mark[8:12], 16) % 10 == 0


class Provider:
    """Writes every id down before it answers; in a process of its own, never killed."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def __call__(self, call: Call) -> None:
        body = call.received.json()
        mark = body["metadata"]["mark"]
        os.write(self.file, f"{mark}\n".encode())
        usage = openai_usage(*tokens_of(mark))
        if body.get("stream"):
            frames = [openai_chunk({"content": word}) for word in ("Good", " day", " to")]
            frames += [openai_chunk({}, "stop"), openai_chunk({}, choices=[], usage=usage), b"data: [DONE]\n\n"]
            (stream(frames[:2], 0.005, end=close) if is_cut(mark) else stream(frames, 0.005))(call)
            return
        wire = wire_of(openai_answer(usage=usage))
        call.pause(0.015)
        raw(*((wire[:-40],) if is_cut(mark) else (wire,)), end=close if is_cut(mark) else None)(call)


def provide(path: Path) -> None:
    with Upstream() as upstream:
        upstream.script(Provider(path))
        print(upstream.port, flush=True)
        sys.stdin.read()


# -- the clients -------------------------------------------------------------------------------------------------
@dataclass
class Book:
    """What the clients saw: complete ids with their tokens, and all others, those left on purpose among them."""

    complete: dict[str, tuple[int, int]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)


def ask_on(live: Live, book: Book, stopping: threading.Event, seed: int) -> None:
    """One client: asks until it is told to stop. 60 % streamed, 10 % left in the middle."""
    chance = random.Random(seed)
    while not stopping.is_set():
        mark, streamed, leaves = (
            uuid.UUID(int=chance.getrandbits(128)).hex,
            chance.random() < 0.6,
            chance.random() < 0.1,
        )
        try:
            tokens = asked(live, mark, streamed, chance.uniform(0, 0.01) if leaves else None)
        except OSError:
            tokens = None
            time.sleep(0.05)  # refused: the server is being started
        if tokens is None:
            book.broken.add(mark)
        else:
            book.complete[mark] = tokens
        if leaves:
            book.left.add(mark)


def asked(live: Live, mark: str, streamed: bool, leave_after: float | None) -> tuple[int, int] | None:
    """One call; the tokens that the client read in an answer that was whole, None for any other."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    with Client(live, hello(metadata={"mark": mark}, **more)) as client:
        if leave_after is not None:
            time.sleep(leave_after)
            client.leave(abruptly=leave_after > 0.005)
            return None
        try:
            client.rest()
        except Exception as error:  # http.client has many words for a connection that ended
            raise ConnectionError from error
        if client.status != 200 or not (client.done if streamed else client.whole):
            return None
        text = client.body.split(b"\n\n")[-3].removeprefix(b"data: ") if streamed else client.body
        usage = orjson.loads(text)["usage"]
        return usage["prompt_tokens"], usage["completion_tokens"]


# -- the killing -------------------------------------------------------------------------------------------------
class Victims:
    """Everything that may be killed, and how it comes back. kills: how often, by name."""

    def __init__(self, live: Live, postgres: services.Service, chance: random.Random) -> None:
        self.live, self.postgres, self.chance = live, postgres, chance
        self.kills: Counter[str] = Counter()
        self.shipper = self.new_shipper()

    def worker(self) -> None:
        workers = psutil.Process(self.live.server.pid).children()
        if workers:
            self.chance.choice(workers).kill()

    def server(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.live.server.pid, signal.SIGKILL)
        self.live.server.wait()
        self.start_server()

    def start_server(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:proxy_site.gunicorn_conf", "--workers", "2"]
        self.live.server = self.launched([*command, "--bind", f"127.0.0.1:{self.live.port}"])

    def kill_shipper(self) -> None:
        self.shipper.kill()
        self.shipper.wait()
        self.shipper = self.new_shipper()

    def new_shipper(self) -> subprocess.Popen[bytes]:
        return self.launched([sys.executable, "-c", SHIPPER])

    def redis(self) -> None:
        self.gone_a_while(self.live.valkey, signal.SIGKILL)

    def database(self) -> None:
        self.gone_a_while(self.postgres, signal.SIGQUIT)  # "immediate": it recovers from its log

    def gone_a_while(self, service: services.Service, how: signal.Signals) -> None:
        command = service.process.args
        assert isinstance(command, list)
        service.process.send_signal(how)
        service.process.wait()
        time.sleep(self.chance.uniform(0.5, 2))
        user = services.database_user() if service is self.postgres else None
        service.process = services.launch(command, service.folder / "again.log", user)

    def launched(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.live.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=self.live.environment,
                cwd=self.live.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=services.die_with_parent,
            )

    def one(self) -> None:
        """Kill one at random."""
        ways: list[Callable[[], None]] = [self.worker, self.server, self.kill_shipper, self.redis, self.database]
        way = self.chance.choices(ways, weights=(60, 15, 17, 4, 4))[0]
        self.kills[way.__name__] += 1
        way()

    def stop(self) -> None:
        for process in (self.shipper, self.live.server):
            process.kill()
            process.wait()


# -- the run -----------------------------------------------------------------------------------------------------
@dataclass
class Verdict:
    """What the three sets say of each other. `missing` is of complete answers, `unseen` of calls the provider saw."""

    seen: int
    complete: int
    kills: dict[str, int]
    missing: int
    wrong_tokens: int
    unseen: int
    duplicates: int
    open: int
    ok_for_broken: float
    replay_changes: int

    @property
    def lost_nothing(self) -> bool:
        faults = self.missing + self.wrong_tokens + self.unseen + self.duplicates + self.open + self.replay_changes
        return faults == 0

    @property
    def holds(self) -> bool:
        return self.lost_nothing and self.ok_for_broken <= 0.005

    def __str__(self) -> str:
        kills = sum(self.kills.values())
        which = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{'HOLDS' if self.holds else 'BROKEN'}: {self.seen} seen by the provider, {self.complete} complete, "
            f"{kills} kills ({which}); missing {self.missing}, wrong tokens {self.wrong_tokens}, "
            f"unseen {self.unseen}, duplicates {self.duplicates}, open {self.open}, "
            f"ok for broken {self.ok_for_broken:.3%}, changed by replay {self.replay_changes}"
        )


@contextmanager
def installation(folder: Path) -> Iterator[tuple[Live, services.Service]]:
    """The server with a provider and a PostgreSQL of its own."""
    with ExitStack() as stack:
        postgres = services.start_postgres()
        stack.callback(postgres.stop)
        stack.enter_context(given(DATABASE_URL=postgres.url))
        command = [sys.executable, "-m", "tests.kill_loop", "--provide", str(folder / "seen")]
        provider = stack.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        stack.callback(provider.terminate)
        assert provider.stdout is not None
        port = int(provider.stdout.readline())
        live = stack.enter_context(started_live(OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1"))
        yield live, postgres


@contextmanager
def given(**names: str) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def run(seconds: float, seed: int, folder: Path) -> Verdict:
    """The loop for so many seconds, and until LEAST answers have come and each kind has been killed; then the verdict.
    `folder`: for the provider's list and a copy of the spool."""
    chance, book, stopping = random.Random(seed), Book(), threading.Event()
    with installation(folder) as (live, postgres):
        victims = Victims(live, postgres, chance)
        clients = [
            threading.Thread(target=ask_on, args=(live, book, stopping, chance.getrandbits(64)), daemon=True)
            for _ in range(CLIENTS)
        ]
        try:
            for client in clients:
                client.start()
            until = time.monotonic() + seconds
            while time.monotonic() < until or len(book.complete) < LEAST or victims.kills.keys() != KINDS:
                time.sleep(chance.uniform(0.15, 0.6))
                victims.one()
            shutil.copytree(live.folder / "data" / "spool", folder / "spool", copy_function=copied)
            stopping.set()
            for client in clients:
                client.join(30)
        finally:
            victims.stop()
        return judged(live, book, victims.kills, folder)


def copied(source: str, target: str) -> None:
    """A file may go while its folder is copied: it has landed."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def judged(live: Live, book: Book, kills: Counter[str], folder: Path) -> Verdict:
    land(live)
    rows = live.rows(
        "SELECT metadata->>'mark' AS mark, status, input_tokens, output_tokens FROM cache_admin_usagerecord"
    )
    found = {row["mark"]: row for row in rows if row["mark"]}
    seen = set((folder / "seen").read_text().split())
    good = {mark for mark, row in found.items() if row["status"] == "ok"}
    complete = {mark: tokens for mark, tokens in book.complete.items() if mark in good}
    before = live.rows(TABLE)
    return Verdict(
        seen=len(seen),
        complete=len(book.complete),
        kills=dict(kills),
        missing=len(book.complete) - len(complete),
        wrong_tokens=sum(tokens != read_tokens(found[mark]) for mark, tokens in complete.items()),
        unseen=len(seen - set(found)),
        duplicates=len([row for row in rows if row["mark"]]) - len(found),
        open=sum(row["status"] == "open" for row in rows),
        ok_for_broken=len(good & book.broken) / max(1, len(seen)),
        replay_changes=sum(replayed(live, folder) != before for _ in range(3)),
    )


def read_tokens(row: dict[str, Any]) -> tuple[int, int]:
    return row["input_tokens"], row["output_tokens"]


def land(live: Live) -> None:
    """Ship until the spool is empty: nobody writes to it any more."""
    spool = live.folder / "data" / "spool"
    deadline = time.monotonic() + 60
    while True:
        with suppress(AssertionError, psycopg.Error):
            live.manage("ship_usage")
        if not list(spool.glob("*.spool")) and not [path for path in spool.glob("*.lock") if path.stem != "ship"]:
            return
        assert time.monotonic() < deadline, f"left in the spool: {sorted(path.name for path in spool.iterdir())}"
        time.sleep(0.2)


def replayed(live: Live, folder: Path) -> list[dict[str, Any]]:
    """Land the copy of the spool once more; the table's sum."""
    for path in (folder / "spool").iterdir():
        if path.suffix == ".spool":
            shutil.copy2(path, live.folder / "data" / "spool")
    land(live)
    return live.rows(TABLE)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    words.add_argument("--provide", type=Path, help=argparse.SUPPRESS)
    asked_for = words.parse_args()
    if asked_for.provide is not None:
        provide(asked_for.provide)
        return 0
    services.clear_environment()
    atexit.register(services.stop_all)
    os.environ.update(services.addresses(os.environ))
    folder = services.temporary_folder("kill")
    try:
        verdict = run(asked_for.seconds, asked_for.seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{verdict} (seed {asked_for.seed})")
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
