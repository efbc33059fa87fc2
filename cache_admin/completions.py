"""Completions by digest: Redis in front, the table behind. Everything is sealed, and bound to its digest and scope.

A value in either tier: version byte, then the sealed answer, whose plain form is a line of JSON facts and the answer.
Invariant: nothing here raises for want of Redis or the table, and the request path writes to no database: the row
travels through the spool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import orjson

from cache_admin import spool
from cache_admin.counters import count
from cache_admin.lookup import TableAway, sealed_answer
from cache_admin.sealed import seal_completion, unseal_completion
from keys.redis import RedisAway, ResponseError, command, tell
from keys.sealing import SealBroken
from keys.settled import settings

RECORD_VERSION = 1
VALUE_VERSION = b"\x01"
_BROKEN = (SealBroken, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer as OpenAI chat JSON. stored_at: Unix seconds; ttl: seconds; endpoint_name: the credential's."""

    answer: bytes = field(repr=False)
    provider: str
    model: str
    endpoint_name: str
    stored_at: float
    ttl: int

    def expires_at(self) -> float:
        return self.stored_at + self.ttl


def find(digest: bytes, scope: str, now: float) -> Completion | None:
    """The completion stored under `digest` for `scope` that is alive at `now` (Unix s); None for any other case."""
    name = digest.hex()
    found = _in_redis(name, scope)
    if found is None:
        return _in_table(name, scope, now)
    return found if found.expires_at() > now else None


def store(digest: bytes, scope: str, completion: Completion, request: bytes, label: Mapping[str, str]) -> bool:
    """Keep a complete answer, its table's record written at once. As put(); False where it was not kept."""
    record = put(digest, scope, completion, request, label)
    if not record:
        return False
    try:
        spool.own().append_frame(record)
    except spool.SpoolUnavailable:
        return False
    return True


def put(digest: bytes, scope: str, completion: Completion, request: bytes, label: Mapping[str, str]) -> bytes:
    """Put a complete answer into Redis. `label`: key_id, key_name, request_id, model_asked. Returns the spool's frame
    that carries it to the table, for the caller to write (see ledger.closed); b"" where it is not kept.

    A request over the size limit is not kept beside its answer; nor is an answer over it at all.
    """
    if completion.ttl <= 0 or len(completion.answer) > settings.DRAGOMAN_CACHE_MAX_BYTES:
        return b""
    name, facts = digest.hex(), _facts(completion)
    value = VALUE_VERSION + seal_completion(name, scope, "answer", _written(completion))
    _put(name, value, min(completion.ttl, settings.DRAGOMAN_CACHE_TTL))
    kept = request if len(request) <= settings.DRAGOMAN_CACHE_MAX_BYTES else b""
    sealed_request = seal_completion(name, scope, "request", kept) if kept else b""
    header = {"v": RECORD_VERSION, "kind": "completion", "answer": len(value), "digest": name, "scope": scope}
    return spool.framed(spool.header_text({**header, **facts, **label}), value + sealed_request)


def read_value(digest: str, scope: str, value: bytes) -> Completion:
    """Open a value of either tier. Raises SealBroken or ValueError where it is foreign, old, moved or damaged."""
    if value[:1] != VALUE_VERSION:
        raise SealBroken("a value of another version")
    line, _, answer = unseal_completion(digest, scope, "answer", value[1:]).partition(b"\n")
    return Completion(answer=answer, **orjson.loads(line))


def forget(digest: str) -> None:
    """Drop the value of `digest` (hex) from Redis; the table is the caller's."""
    try:
        command("DEL", _address(digest))
    except (RedisAway, ResponseError):
        count("completion_redis_away")


def _written(completion: Completion) -> bytes:
    return orjson.dumps(_facts(completion)) + b"\n" + completion.answer


def _facts(completion: Completion) -> dict[str, str | float]:
    return {
        "provider": completion.provider,
        "model": completion.model,
        "endpoint_name": completion.endpoint_name,
        "stored_at": completion.stored_at,
        "ttl": completion.ttl,
    }


def _address(digest: str) -> str:
    return f"c:{digest}"


def _in_redis(digest: str, scope: str) -> Completion | None:
    try:
        value = command("GET", _address(digest))
        return None if value is None else read_value(digest, scope, value)
    except RedisAway:
        count("completion_redis_away")
    except (*_BROKEN, ResponseError):  # ResponseError: e.g. WRONGTYPE, somebody else's key at our address
        count("completion_value_broken")
        forget(digest)
    return None


def _in_table(digest: str, scope: str, now: float) -> Completion | None:
    try:
        value = sealed_answer(digest, now)
        found = None if value is None else read_value(digest, scope, value)
    except TableAway:
        count("completion_table_away")
        return None
    except _BROKEN:  # left where it is: the request path writes to no database, and a purge will take it
        count("completion_value_broken")
        return None
    if found is None or value is None or found.expires_at() <= now:
        return None
    _put(digest, value, ceil(found.expires_at() - now))
    return found


def _put(digest: str, value: bytes, ttl: int) -> bool:
    """Told, not asked: whoever looks next from this process comes after it, and the table has the entry anyway."""
    try:
        tell("SET", _address(digest), value, "EX", ttl)
    except RedisAway:
        count("completion_redis_away")
        return False
    return True
