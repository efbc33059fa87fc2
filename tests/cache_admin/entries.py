"""Ledger entries, completions and pages for tests."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from cache_admin.completions import Completion, store
from cache_admin.ledger import LedgerEntry, closed
from cache_admin.models import StoredCompletion
from cache_admin.sealed import Slot
from cache_admin.shipping import ship
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


def completions(count: int, *, seconds: float, **facts: Any) -> list[str]:
    """`count` rows whose life and grace are over in `seconds` from now. Their digests."""
    until = timezone.now() + timedelta(seconds=seconds)
    start = StoredCompletion.objects.count()
    usual: dict[str, Any] = {
        "answer_sealed": b"x",
        "request_sealed": b"y",
        "created_at": until - timedelta(days=1),
        "expires_at": until,
        "kept_until": until,
        "scope": "key:1",
        "provider": "openai",
        "model": "gpt",
        "key_id": "k1",
        "key_name": "mine",
    }
    rows = [StoredCompletion(digest=f"{start + n:064x}", **(usual | facts)) for n in range(count)]
    return [row.digest for row in StoredCompletion.objects.bulk_create(rows)]


def keep(name: int, *, at: float, ttl: int = 3600, request: bytes = b'{"messages":[]}', **label: Any) -> str:
    """A completion on its way to the table, stored at `at` (Unix s). label: what else its row shall say, and
    `caller_key`. Its digest."""
    slot = Slot(name.to_bytes(32, "big"), "key:1", label.pop("caller_key", b""))
    completion = Completion(b'{"id":"c"}', "openai", "gpt", "main", at, ttl)
    assert store(slot, completion, request, {"key_id": "k1", "key_name": "mine", **label})
    return slot.name


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(user)
    return browser


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response
    return response.content.decode()


def calls(count: int, **facts: Any) -> list[str]:
    """Rows in the table, oldest first; their ids."""
    made = []
    for _ in range(count):
        call = entry(**facts)
        closed(call)
        made.append(call.id)
    ship(time.time())
    return made


def cached(question: str = "What is the capital of France?", answer: str = "Paris", number: int = 0) -> str:
    """A completion in both tiers; its digest."""
    said = {"choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}]}
    asked = {"model": "gpt", "messages": [{"role": "user", "content": question}]}
    digest = number.to_bytes(32, "big")
    completion = Completion(json.dumps(said).encode(), "openai", "gpt", "main", time.time() + number / 1000, 600)
    label = {"key_id": "k1", "key_name": "mine", "request_id": "r", "model_asked": "openai/gpt"}
    assert store(Slot(digest, "key:1"), completion, json.dumps(asked).encode(), label)
    ship(time.time())
    return digest.hex()


def listed(text: str, model: str) -> list[str]:
    """The ids that a list page links to, in its order."""
    return re.findall(rf'href="/admin/cache_admin/{model}/([0-9a-f-]+)/change/', text)
