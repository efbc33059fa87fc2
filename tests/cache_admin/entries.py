"""Ledger entries and completions for tests."""

from __future__ import annotations

import time
from typing import Any

from cache_admin.completions import Completion, store
from cache_admin.ledger import LedgerEntry
from cache_admin.sealed import Slot
from keys.ids import new_id


def entry(**facts: Any) -> LedgerEntry:
    """A call that went well, but for what `facts` say."""
    usual: dict[str, Any] = {
        "id": new_id(),
        "at": time.time(),
        "status": "ok",
        "http_status": 200,
        "key_id": "k1",
        "key_name": "mine",
        "endpoint": "chat/completions",
        "model_asked": "openai/gpt-4o-mini",
        "provider": "openai",
        "model_served": "gpt-4o-mini",
        "cache": "miss",
        "input_tokens": 10,
        "output_tokens": 5,
        "total_ms": 12.5,
    }
    return LedgerEntry(**(usual | facts))


def keep(name: int, *, at: float, ttl: int = 3600, request: bytes = b'{"messages":[]}', **label: Any) -> str:
    """A completion on its way to the table, stored at `at` (Unix s). label: what else its row shall say, and
    `caller_key`. Its digest."""
    slot = Slot(name.to_bytes(32, "big"), "key:1", label.pop("caller_key", b""))
    completion = Completion(b'{"id":"c"}', "openai", "gpt", "main", at, ttl)
    assert store(slot, completion, request, {"key_id": "k1", "key_name": "mine", **label})
    return slot.name
