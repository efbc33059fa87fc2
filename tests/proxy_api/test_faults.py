"""Every fault of a provider ends honestly: said to the client, on the ledger, and never in the cache."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client import Client, hello
from tests.live import Live, started_live
from tests.loopback import Call, answer, closed_port, openai_answer
from tests.proxy_api.faults import FAULTS, OK, Fault

pytestmark = pytest.mark.timeout(120)
LIMITS = {
    "DRAGOMAN_CONNECT_TIMEOUT": "1",
    "DRAGOMAN_FIRST_BYTE_TIMEOUT": "1",
    "DRAGOMAN_IDLE_TIMEOUT": "1",
    "DRAGOMAN_PING_INTERVAL": "0.4",
}
CASES = [
    pytest.param(fault, streamed, id=f"{fault.name}-{'streamed' if streamed else 'plain'}")
    for fault in FAULTS
    for streamed in (False, True)
    if (fault.streamed if streamed else fault.plain) is not None
]


@dataclass
class Seen:
    """What became of one case: the first call, how long it took, the second one's usage of the provider, the row."""

    first: Client
    seconds: float
    calls: int
    calls_after_both: int
    row: dict[str, Any]


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose SYNs are dropped: a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def faulty() -> Iterator[Live]:
    """A server with short deadlines whose provider does what the model's name says."""
    with black_hole() as hole:
        more = {
            "GROQ_API_KEY": "gsk-upstream",
            "GROQ_BASE_URL": f"http://127.0.0.1:{closed_port()}/v1",
            "TOGETHER_API_KEY": "tgp-upstream",
            "TOGETHER_BASE_URL": f"http://127.0.0.1:{hole}/v1",
        }
        with started_live(**LIMITS, **more) as live:
            live.upstream.script(by_model)
            yield live


def by_model(call: Call) -> None:
    name = call.received.json()["model"]
    next((fault.behaviour for fault in FAULTS if fault.name == name), answer(openai_answer()))(call)


@pytest.fixture(scope="module")
def seen(faulty: Live) -> dict[tuple[str, bool], Seen]:
    """Every case twice, eight at a time, and then the rows."""
    cases: list[tuple[Fault, bool]] = [case.values for case in CASES]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        calls = list(pool.map(lambda case: twice(faulty, *case), cases))
    faulty.manage("ship_usage")
    rows = {str(row["id"]): row for row in faulty.rows("SELECT * FROM cache_admin_usagerecord")}
    counts = Counter((call.json()["model"], bool(call.json().get("stream"))) for call in faulty.upstream.calls)
    return {
        (fault.name, streamed): Seen(first, seconds, calls_first, counts[fault.name, streamed], rows[first.id])
        for (fault, streamed), (first, seconds, calls_first) in zip(cases, calls, strict=True)
    }


def twice(live: Live, fault: Fault, streamed: bool) -> tuple[Client, float, int]:
    """The same cacheable request twice; the first answer, its seconds, and the provider's calls until then. A streamed
    one is another question: equal ones that run at the same time would be one call."""
    body = hello(fault.model, temperature=0, stream=streamed, user=str(streamed))
    first = Client(live, body).rest()
    seconds = time.monotonic() - first.sent_at
    calls = sum(
        call.json()["model"] == fault.name and bool(call.json().get("stream")) == streamed
        for call in tuple(live.upstream.calls)
    )
    Client(live, body).rest()
    return first, seconds, calls


@pytest.mark.parametrize(("fault", "streamed"), CASES)
def test_a_fault_ends_honestly(seen: dict[tuple[str, bool], Seen], fault: Fault, streamed: bool) -> None:
    found, end = seen[fault.name, streamed], fault.streamed if streamed else fault.plain
    assert end is not None
    assert found.first.whole
    assert told(found.first, streamed) == end[:2]
    assert (found.row["status"], found.row["attempts"]) == (end.row, 1)
    assert found.calls == fault.calls
    assert found.seconds < 3
    if fault.retry_after:
        assert found.first.headers["retry-after"] == fault.retry_after
        assert found.first.headers.get("x-should-retry") == ("false" if fault.retry_after == "120" else None)


def told(client: Client, streamed: bool) -> tuple[int, str]:
    """(status, error code); a good end has no code and, streamed, a [DONE]."""
    if client.body.endswith(b"[DONE]\n\n") or (client.status == 200 and not streamed):
        return client.status, ""
    assert b"[DONE]" not in client.body
    return client.status, client.error["code"]


@pytest.mark.parametrize(("fault", "streamed"), CASES)
def test_nothing_of_a_fault_is_cached(seen: dict[tuple[str, bool], Seen], fault: Fault, streamed: bool) -> None:
    found, end = seen[fault.name, streamed], fault.streamed if streamed else fault.plain
    again = 1 if end == OK else 2
    assert found.calls_after_both == again * fault.calls
    if end != OK:
        assert "stored" not in found.first.headers.get("x-dragoman-cache", "")


def test_no_page_of_a_provider_reaches_the_client(seen: dict[tuple[str, bool], Seen]) -> None:
    assert not [name for name, found in seen.items() if b"<html" in found.first.body]


def test_a_dead_pooled_connection_is_replaced_unsent(faulty: Live) -> None:
    for _ in range(4):
        assert faulty.chat(hello()).status == 200
    faulty.upstream.hang_up()
    time.sleep(0.05)
    before = faulty.upstream.count
    assert [faulty.chat(hello()).status for _ in range(4)] == [200] * 4
    assert faulty.upstream.count == before + 4
