"""Master keys are rotated while calls go on: none of them fails."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.live import ROOT, Live, started_live
from tests.proxy_api.asking import hello

OLD, NEW = "o" * 43, "n" * 43
CALLERS = 3
PAUSE = 0.01  # seconds between a caller's calls: the machine is to have time for the rotation too
ROW = """
from keys.models import ProviderCredential
row = ProviderCredential(name="sealed", provider="openai", base_url=base_url)
row.put_secret("sk-sealed-and-rotated", "0" * 12)
row.save()
"""
UNDER = """
from keys.models import InstallationSecret, ProviderCredential
from keys.secrecy.sealing import KeyRing
ring = KeyRing((key,))
rows = [*ProviderCredential.objects.all(), *InstallationSecret.objects.all()]
result = [ring.is_newest(bytes(row.sealed)) for row in rows]
"""


@pytest.fixture
def two_keyed() -> Iterator[Live]:
    """A server of two workers that has the new key and the old one, as all have before the command is run."""
    with started_live(DRAGOMAN_MASTER_KEYS=f"{OLD},{NEW}", DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS="127.0.0.1") as live:
        live.python(ROW, base_url=f"{live.upstream.url}/v1")
        time.sleep(1)
        yield live


def rotate(live: Live, ring: str) -> str:
    environment = {**live.environment, "DRAGOMAN_MASTER_KEYS": ring}
    command = [sys.executable, str(ROOT / "manage.py"), "rotate_secrets"]
    return subprocess.run(command, env=environment, cwd=live.folder, capture_output=True, check=True, text=True).stdout


@contextmanager
def calls(live: Live) -> Iterator[list[tuple[int, str, str]]]:
    """(status, whether it was a hit, the credential) of calls that go on as long as the block, new ones and hits."""
    found: list[tuple[int, str, str]] = []
    ended, again = threading.Event(), hello(temperature=0)

    def call() -> None:
        while not ended.is_set():
            for body in (hello(), again, hello(temperature=0)):
                answer = live.chat(body, x_bt_endpoint_name="sealed")
                told = answer.headers
                found.append((answer.status, told.get("x-bt-cached", ""), told.get("x-bt-used-endpoint", "")))
                time.sleep(PAUSE)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield found
    finally:
        ended.set()
        for caller in callers:
            caller.join(30)


def test_no_call_fails_while_everything_is_sealed_anew(two_keyed: Live) -> None:
    live = two_keyed
    with calls(live) as found:
        for newest, other in ((NEW, OLD), (OLD, NEW)):
            least = len(found) + 50
            told = rotate(live, f"{newest},{other}")
            assert "provider credentials: 1 sealed anew" in told
            assert all(live.python(UNDER, key=newest))
            time.sleep(1.2)  # every worker has read what is sealed now
            assert live.upstream.wait_until(lambda least=least: len(found) > least, 20)
    assert {status for status, _, _ in found} == {200}
    assert {hit for _, hit, _ in found} == {"HIT", "MISS"}
    assert {name for _, _, name in found} == {"sealed"}
    assert {call.headers["authorization"] for call in live.upstream.calls} == {"Bearer sk-sealed-and-rotated"}
    assert "cannot be used" not in live.log()
