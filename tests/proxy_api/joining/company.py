"""Equal calls at the same time, as the tests of joined calls make and read them."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from proxy_api.dialects.openai_chat import fold
from tests.client import Client, hello
from tests.live import Live
from tests.proxy_api.asking import payloads

MODEL = "joined-model"
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def question(**fields: Any) -> dict[str, Any]:
    """A cacheable request that nobody has made before."""
    return hello(f"openai/{MODEL}", temperature=0, user=uuid.uuid4().hex, **fields)


def asked(live: Live, bodies: Sequence[dict[str, Any]], **headers: str) -> list[Client]:
    """All of them on their way at once; their answers are still to be read."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: Client(live, body, **headers), bodies))


def read(clients: Sequence[Client]) -> list[Client]:
    """The same, their answers read to the end."""
    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(Client.rest, clients))


def led(live: Live, body: dict[str, Any], **headers: str) -> Client:
    """One call that has reached the provider."""
    before = live.upstream.count
    client = Client(live, body, **headers)
    assert live.upstream.wait_until(lambda: live.upstream.count > before, 5)
    return client


def collected(client: Client) -> dict[str, Any]:
    """The finished answer, however it came: its id, words, finish reason and usage."""
    assert client.status == 200, client.body
    if client.headers["content-type"] == "application/json":
        whole = json.loads(client.body)
    else:
        assert client.done, client.body
        whole = fold([text.encode() for text in payloads(client.body)])
    choice = whole["choices"][0]
    return {
        "id": whole["id"],
        "said": choice["message"]["content"],
        "finish": choice["finish_reason"],
        "usage": whole.get("usage"),
    }


def rows_of(live: Live, clients: Sequence[Client], seconds: float = 10) -> list[dict[str, Any]]:
    """The final usage rows of these calls, in their order."""
    ids, deadline = [client.id for client in clients], time.monotonic() + seconds
    while True:
        live.manage("ship_usage")
        sql = "SELECT * FROM cache_admin_usagerecord WHERE id = ANY(%s::uuid[]) AND status <> 'open'"
        found = {str(row["id"]): row for row in live.rows(sql, ids)}
        if len(found) == len(ids):
            return [found[one] for one in ids]
        assert time.monotonic() < deadline, f"{len(found)} of {len(ids)} rows"
        time.sleep(0.1)


def worker_of(live: Live, instance: str) -> int:
    """The process that goes by this name in the ledger: it holds the lock of its spool."""
    master = live.server.pid
    for child in Path(f"/proc/{master}/task/{master}/children").read_text().split():
        with suppress(OSError):
            held = [os.readlink(link) for link in Path(f"/proc/{child}/fd").iterdir()]
            if any(name.endswith(f"{instance}.lock") for name in held):
                return int(child)
    raise AssertionError(f"no worker is {instance}")
