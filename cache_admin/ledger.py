"""The usage ledger's writing side: one `open` record before money is spent, one final record before the last byte.

Both go to the spool (see spool.py) and reach the table through shipping.py. Invariant: nothing here touches a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

import orjson

from cache_admin import spool
from cache_admin.plain import plain_text
from cache_admin.sealed import seal_body

RECORD_VERSION = 1
USER_LONGEST = 1024  # characters kept of the client's `user`: the request may carry 64 KiB
TEXT_LONGEST = 1024
METADATA_PAIRS, METADATA_KEY_LONGEST, METADATA_VALUE_LONGEST = 16, 64, 512  # OpenAI's own limits of `metadata`
DROPPED_MOST = 64
RECORD_LARGEST = 16 << 10  # bytes of JSON over which every text of a record is cut


@dataclass
class LedgerEntry:
    """One call. The gateway fills it as the call goes on.

    id: UUIDv7, also the answer's x-request-id; at: Unix seconds; status: `open`, then the outcome (ok, refused,
    upstream_error, incomplete, timeout_connect, timeout_first_byte, timeout_idle, rate_limited, client_disconnect,
    client_timeout, shutdown, error); project_*: of the key's project; organization: as the caller named it;
    temporary: the jti of a temporary credential; parent: what x-bt-parent said; cache: hit, miss, stored, bypass;
    *_ms: milliseconds; tokens as reported, None where nobody said: input_tokens includes cached and cache-written
    ones, output_tokens includes reasoning; estimated: they are what we count, the provider was asked but told none;
    dropped: `param: reason`. request_body and answer_body: given only where the key's bodies are kept in full; they
    are sealed before they are spooled.

    Without slots, because orjson writes an object's dictionary three times as fast, and this is written twice a call.
    """

    id: str
    at: float
    status: str = "open"
    http_status: int | None = None
    key_id: str = ""
    key_name: str = ""
    project_id: str = ""
    project_name: str = ""
    organization: str = ""
    temporary: str = ""
    parent: str = ""
    endpoint: str = ""
    model_asked: str = ""
    provider: str = ""
    model_served: str = ""
    credential: str = ""
    stream: bool = False
    cache: str = ""
    cache_reason: str = ""
    cache_digest: str = ""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    estimated: bool = False
    ttft_ms: float | None = None
    total_ms: float | None = None
    overhead_ms: float | None = None
    attempts: int = 0
    finish_reason: str = ""
    native_finish_reason: str = ""
    error_code: str = ""
    error_message: str = ""
    user: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    client_request_id: str = ""
    client_retries: int | None = None
    upstream_request_id: str = ""
    dropped: list[str] = field(default_factory=list)
    request_body: bytes | None = field(default=None, repr=False)
    answer_body: bytes | None = field(default=None, repr=False)


def opened(entry: LedgerEntry) -> None:
    """Record that a call begins: before the first byte to the provider. Raises SpoolUnavailable (503)."""
    spool.own().append_text(usage_header(entry, final=False))


def closed(entry: LedgerEntry, ahead: bytes = b"") -> None:
    """Record how a call ended: before its last byte goes to the client. Raises SpoolUnavailable.

    ahead: a frame of the spool that is written along (the completion that the call leaves in the cache).
    The first final record of an id counts, later ones change nothing.
    """
    if entry.request_body is not None or entry.answer_body is not None:
        _append_bodies(entry)
    spool.own().append_text(usage_header(entry, final=True), ahead=ahead)


def usage_header(entry: LedgerEntry, *, final: bool) -> bytes:
    """The record's JSON, held well below 64 KiB whatever the client sent."""
    text = _json(entry, final)
    return text if len(text) <= RECORD_LARGEST and len(entry.user) <= USER_LONGEST else _json(shortened(entry), final)


def _json(entry: LedgerEntry, final: bool) -> bytes:
    return spool.header_text({"v": RECORD_VERSION, "kind": "usage", "final": final, "entry": entry})


def shortened(entry: LedgerEntry) -> LedgerEntry:
    """A copy whose texts are cut to what the ledger keeps."""
    texts = {name: getattr(entry, name)[:TEXT_LONGEST] for name in _TEXTS}
    pairs = list(entry.metadata.items())[:METADATA_PAIRS]
    metadata = {str(key)[:METADATA_KEY_LONGEST]: str(value)[:METADATA_VALUE_LONGEST] for key, value in pairs}
    dropped = [plain_text(item, 200) for item in entry.dropped[:DROPPED_MOST]]
    return replace(entry, **texts, metadata=metadata, dropped=dropped)


_TEXTS = tuple(name for name, kind in LedgerEntry.__annotations__.items() if kind == "str" and name != "id")


def _append_bodies(entry: LedgerEntry) -> None:
    """Bodies go first, in a record of their own, so that a final record is never held up by their size."""
    request = seal_body(entry.id, "request", entry.request_body)
    answer = seal_body(entry.id, "answer", entry.answer_body)
    header = {"v": RECORD_VERSION, "kind": "bodies", "id": entry.id, "at": entry.at, "request": len(request)}
    spool.own().append_text(orjson.dumps(header), request + answer)
