"""Completions by digest: Redis in front, the table behind. Everything is sealed, and bound to its digest and scope.

A value in either tier: version byte, then the sealed answer, whose plain form is a line of JSON facts and the answer.
It outlives its time to live by DRAGOMAN_CACHE_GRACE seconds, for callers who rather have a stale answer than none.
Invariant: nothing here raises for want of Redis or the table, and the request path writes to no database: the row
travels through the spool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf
from typing import Any

import orjson

from cache_admin import spool
from cache_admin.counters import count
from cache_admin.lookup import Row, TableAway, row_of
from cache_admin.sealed import Slot
from keys.redis import RedisAway, ResponseError, command, slow, tell
from keys.secrecy.pepper import pepper
from keys.secrecy.sealing import VERSION_UNDER, SealBroken
from keys.settled import settings

RECORD_VERSION = 1
VALUE_VERSION = b"\x01"
ENDLESS = 2**31 - 1  # seconds: the longest time that every cache can tell (RFC 9111, 1.2.2)
Get = Callable[[str], bytes | None]  # an address of Redis -> its value; raises RedisAway, ResponseError
_BROKEN = (SealBroken, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer as OpenAI chat JSON. stored_at: Unix seconds; ttl: seconds; endpoint_name: the credential's;
    dropped: what was left out of its request, as the ledger has it; headers: those of its request that make another
    answer, names in lower case, for an export to tell."""

    answer: bytes = field(repr=False)
    provider: str
    model: str
    endpoint_name: str
    stored_at: float
    ttl: int
    dropped: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def expires_at(self) -> float:
        return self.stored_at + self.ttl


def cassette_slot(project_id: str, name: bytes) -> Slot:
    """Where a project's cassette keeps the answer to one request. name: a digest of the request alone, which is the
    same on every installation: with it an exported answer finds its slot on another one."""
    scope = f"cassette:{project_id}"
    return Slot(hashlib.blake2b(name + scope.encode(), key=pepper("cassette"), digest_size=32).digest(), scope)


def find(slot: Slot, now: float, stale: float = 0.0, get: Get | None = None) -> Completion | None:
    """What is kept in `slot` and alive at `now` (Unix s), or has been dead for less than `stale` seconds, as far as
    DRAGOMAN_CACHE_GRACE goes; None for any other case. get: how Redis is asked, where not by GET alone."""
    found = _in_redis(slot, get or _get)
    if found is None or found.expires_at() <= now:  # what came while Redis was away is in the table alone
        found = max(found, _in_table(slot, now, stale), key=_stored_at)
    return found if found is not None and found.expires_at() + stale > now else None


def store(slot: Slot, completion: Completion, request: bytes, label: Mapping[str, Any]) -> bool:
    """Keep a complete answer, its table's record written at once. As put(); False where it was not kept."""
    record = put(slot, completion, request, label)
    if not record:
        return False
    try:
        spool.own().append_frame(record)
    except spool.SpoolUnavailable:
        return False
    return True


def put(slot: Slot, completion: Completion, request: bytes, label: Mapping[str, Any]) -> bytes:
    """Put a complete answer into Redis. `label`: what else its row shall say, in the clear. Returns the spool's frame
    that carries it to the table, for the caller to write (see ledger.closed); b"" where it is not kept.

    A request over the size limit is not kept beside its answer; nor is an answer over it at all.
    """
    if completion.ttl <= 0 or len(completion.answer) > settings.DRAGOMAN_CACHE_MAX_BYTES:
        return b""
    record, value = recorded(slot, completion, request, label)
    # At once: whoever got this answer may ask another process again before this one asks Redis for anything.
    _put(slot.name, value, min(completion.ttl, settings.DRAGOMAN_CACHE_TTL) + settings.DRAGOMAN_CACHE_GRACE)
    return spool.framed(spool.header_text(record.header), record.blob)


def recorded(
    slot: Slot, completion: Completion, request: bytes, label: Mapping[str, Any]
) -> tuple[spool.Record, bytes]:
    """What carries a completion to the table, and its value for Redis. As put()."""
    value = value_of(slot, completion)
    kept = request if len(request) <= settings.DRAGOMAN_CACHE_MAX_BYTES else b""
    sealed_request = slot.seal("request", kept) if kept else b""
    header = {"v": RECORD_VERSION, "kind": "completion", "answer": len(value), "digest": slot.name, "scope": slot.scope}
    said = {**header, "sealed_to_caller": bool(slot.caller_key), **_facts(completion), **label}
    return spool.Record(said, value + sealed_request), value


def value_of(slot: Slot, completion: Completion) -> bytes:
    """The completion as either tier keeps it."""
    facts = _facts(completion)
    if completion.dropped:
        facts["dropped"] = completion.dropped
    if completion.headers:
        facts["headers"] = completion.headers
    return VALUE_VERSION + slot.seal("answer", orjson.dumps(facts) + b"\n" + completion.answer)


def read_value(digest: str, scope: str, value: bytes) -> Completion:
    """Open a value of either tier; digest: hex. Raises as opened(), and SealBroken where it is sealed to its caller."""
    return opened(Slot(bytes.fromhex(digest), scope), value)


def opened(slot: Slot, value: bytes) -> Completion:
    """Raises SealBroken, ValueError or TypeError where the value is foreign, old, moved or damaged."""
    if value[:1] != VALUE_VERSION:
        raise SealBroken("a value of another version")
    line, _, answer = slot.unseal("answer", value[1:]).partition(b"\n")
    return Completion(answer=answer, **orjson.loads(line))


def is_sealed_to_caller(value: bytes) -> bool:
    """Whether nothing that the installation keeps opens this value."""
    return value[1:2] == VERSION_UNDER


def forget(*digests: str) -> None:
    """Drop the values of these digests (hex) from Redis; the table is the caller's."""
    if not digests:
        return
    try:
        command("DEL", *map(_address, digests))
    except (RedisAway, ResponseError):
        count("completion_redis_away")


def _stored_at(completion: Completion | None) -> float:
    return completion.stored_at if completion is not None else -inf


def _facts(completion: Completion) -> dict[str, Any]:
    return {
        "provider": completion.provider,
        "model": completion.model,
        "endpoint_name": completion.endpoint_name,
        "stored_at": completion.stored_at,
        "ttl": completion.ttl,
    }


def _address(digest: str) -> str:
    return f"c:{digest}"


def _get(address: str) -> bytes | None:
    found: bytes | None = command("GET", address)
    return found


def _in_redis(slot: Slot, get: Get) -> Completion | None:
    if slow():
        count("completion_redis_slow")
        return None
    try:
        value = get(_address(slot.name))
        return None if value is None else opened(slot, value)
    except RedisAway:
        count("completion_redis_away")
    except (*_BROKEN, ResponseError):  # ResponseError: e.g. WRONGTYPE, somebody else's key at our address
        count("completion_value_broken")
        forget(slot.name)
    return None


def _in_table(slot: Slot, now: float, stale: float) -> Completion | None:
    try:
        row = row_of(slot.name, now - min(stale, settings.DRAGOMAN_CACHE_GRACE))
        return None if row is None else _found(slot, row, now)
    except TableAway:
        count("completion_table_away")
        return None
    except _BROKEN:  # left where it is: the request path writes to no database, and a purge will take it
        count("completion_value_broken")
        return None


def _found(slot: Slot, row: Row, now: float) -> Completion:
    """The row's completion, which from now on is in Redis as well; but not where the row's end is no longer the one
    that was sealed with it: an admin has set it, and Redis knows the sealed one alone."""
    found = opened(slot, row.answer_sealed)
    if abs(row.expires_at - found.expires_at()) > 1:
        return replace(found, ttl=max(0, round(row.expires_at - found.stored_at)))
    _put(slot.name, row.answer_sealed, ceil(found.expires_at() - now) + settings.DRAGOMAN_CACHE_GRACE)
    return found


def _put(digest: str, value: bytes, ttl: int) -> bool:
    """Told, not asked: whoever looks next from this process comes after it, and the table has the entry anyway."""
    try:
        tell("SET", _address(digest), value, "EX", ttl)
    except RedisAway:
        count("completion_redis_away")
        return False
    return True
