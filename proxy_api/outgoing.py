"""The headers that an answer carries beside its body: how it came about, in the reference's names and in our own.

Pure but for the clock in `openai-processing-ms`. Invariant: every value can stand in a header, whatever the admin, the
client or a provider calls things: a line break would be another header, or an exception after the answer was paid for.
"""

from __future__ import annotations

import re
import time

from cache_admin.completions import Completion
from cache_admin.ledger import LedgerEntry
from proxy_api.caching import Policy
from proxy_api.recording import Record

UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
NAME_LIMIT = 256
DROPPED_LIMIT = 4096  # characters; clients take 8 KiB a header and more


def hit_headers(record: Record, found: Completion, now: float, stale: str = "") -> dict[str, str]:
    """The headers of a stored answer. now: Unix seconds; stale: why it is given although it is, "" where it is not."""
    life = f"max-age={found.ttl}"
    return {
        **shared_headers(record),
        "x-bt-cached": "HIT",
        "x-dragoman-cache": f"stale; {stale}" if stale else "hit",
        "age": str(max(0, int(now - found.stored_at))),
        "cache-control": f"{life}, no-transform" if record.entry.stream else life,
    }


def answer_headers(record: Record, rules: Policy) -> dict[str, str]:
    """The headers of an answer that a provider gave just now."""
    entry = record.entry
    headers = {
        **shared_headers(record),
        "x-dragoman-cache": f"{entry.cache}; {entry.cache_reason}" if entry.cache_reason else entry.cache,
        "x-dragoman-attempts": str(entry.attempts),
    }
    if rules.write:
        headers["age"], headers["cache-control"] = "0", f"max-age={rules.ttl}"
    if entry.stream:
        headers["cache-control"] = f"{headers.get('cache-control', 'no-cache')}, no-transform"
    if entry.cost_usd is not None and not entry.stream:
        headers["x-dragoman-cost"] = str(entry.cost_usd)
    return headers


def shared_headers(record: Record) -> dict[str, str]:
    """On hits and misses alike."""
    entry = record.entry
    headers = {
        **record.headers,
        "x-dragoman-provider": entry.provider or "",
        "x-dragoman-model": printable(entry.model_served or ""),
        "openai-processing-ms": str(int((time.monotonic() - record.marks.received) * 1000)),
    }
    if entry.credential:
        headers["x-bt-used-endpoint"] = printable(entry.credential)
    if entry.dropped:
        headers["x-dragoman-dropped"] = dropped_names(entry)
    return headers


def printable(name: str) -> str:
    """The name as a header can hold it (RFC 9110, 5.5)."""
    if not (name.isascii() and name.isprintable()):
        name = UNPRINTABLE.sub("?", name)
    return name[:NAME_LIMIT]


def dropped_names(entry: LedgerEntry) -> str:
    """The parameters that were left out, each once; why stands in the usage record."""
    names = dict.fromkeys(loss.partition(": ")[0] for loss in entry.dropped)
    return ", ".join(map(printable, names))[:DROPPED_LIMIT]
