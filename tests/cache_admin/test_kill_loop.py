"""The short kill loop: writers and shippers are killed with -9 at random; nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from cache_admin.models import UsageRecord
from cache_admin.shipping import ship

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import django; django.setup()
import sys, time
from cache_admin import ledger
from keys.ids import new_id
while True:
    entry = ledger.LedgerEntry(new_id(), time.time())
    ledger.opened(entry)
    sys.stdout.write(f"opened {entry.id}\\n"); sys.stdout.flush()
    entry.status, entry.output_tokens = "ok", 7
    ledger.closed(entry)
    sys.stdout.write(f"closed {entry.id}\\n"); sys.stdout.flush()
    time.sleep(0.0002)  # enough of them land in a test's time
"""
SHIPPER = """
import django; django.setup()
import time
from cache_admin.shipping import ship
while True:
    ship(time.time())
"""


def environment(data_folder: Path, database_url: str) -> dict[str, str]:
    own = {"DRAGOMAN_DATA_DIR": str(data_folder), "DJANGO_SETTINGS_MODULE": "proxy_site.settings"}
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | own | ({"DATABASE_URL": database_url} if database_url else {})


def postgres_url() -> str:
    """The run's server, and on it the database of the tests."""
    parts = urlsplit(settings.DATABASE_URL)
    return parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


@contextmanager
def running(program: str, data_folder: Path, database_url: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the product, killed with -9 at the end of the block at the latest."""
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, env=environment(data_folder, database_url), stdout=file
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(outputs: list[Path], word: str) -> set[str]:
    """Ids of whole lines: a line cut by the kill was never read by anyone."""
    lines = b"".join(path.read_bytes() for path in outputs).split(b"\n")
    return {line.split()[1].decode() for line in lines if line.startswith(word.encode()) and len(line) == 43}


@pytest.mark.django_db(transaction=True)
def test_under_kill_9_of_writers_and_shippers_no_row_is_lost_or_doubled(tmp_path: Path, settings) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(20261124)
    folder, url, outputs = tmp_path / "data", postgres_url(), []
    settings.DRAGOMAN_SPOOL_DIR = folder / "spool"
    for n in range(3):
        outputs.append(tmp_path / f"writer-{n}")
        with running(WRITER, folder, url, outputs[-1]), running(SHIPPER, folder, url, tmp_path / "shipper"):
            wait_for_words(outputs[-1])
            time.sleep(chance.uniform(0.05, 0.5))
    while ship(time.time())["busy"]:
        time.sleep(0.05)
    opened, closed = said(outputs, "opened"), said(outputs, "closed")
    rows = {str(pk): status for pk, status in UsageRecord.objects.values_list("pk", "status")}
    assert len(closed) > 100
    assert not [name for name in closed if rows.get(name) != "ok"], "an answer that was sent has no row"
    assert not opened - set(rows), "a call that began has no row"
    assert set(rows.values()) <= {"ok", "aborted"}
    assert len(rows) <= len(opened) + len(outputs)


def wait_for_words(output: Path) -> None:
    deadline = time.monotonic() + 20
    while not output.exists() or output.stat().st_size < 100:
        assert time.monotonic() < deadline, "the writer never began"
        time.sleep(0.02)


def test_the_same_spool_lands_in_sqlite(tmp_path: Path) -> None:
    """SQLite is what a first run has: the same commands, in a process of their own."""
    folder, output = tmp_path / "data", tmp_path / "writer"
    with running(WRITER, folder, "", output):
        wait_for_words(output)
    for arguments in (["migrate", "-v0", "--skip-checks"], ["ship_usage", "--skip-checks"]):
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment(folder, ""), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    landed = int(done.stdout.split("usage: ")[1])
    assert landed - len(said([output], "opened")) in (0, 1)  # the last one may not have been said any more


def test_while_the_database_is_away_the_spool_keeps_everything(tmp_path: Path) -> None:
    folder, output = tmp_path / "data", tmp_path / "writer"
    with running(WRITER, folder, "", output):
        wait_for_words(output)
    before = {path.name: path.read_bytes() for path in (folder / "spool").glob("*.spool")}
    command = [sys.executable, "manage.py", "ship_usage", "--skip-checks"]
    nowhere = environment(folder, "postgres://nobody@127.0.0.1:1/nothing")
    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True)
    assert done.stdout == "away: 1\n"
    assert {path.name: path.read_bytes() for path in (folder / "spool").glob("*.spool")} == before
