"""A running call as Redis holds it for other processes: sealed records in one string, each with its length before it.

A record is bound to its call and its number: one that was moved, dropped or repeated does not open (threat T9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from cache_admin.sealed import Slot
from keys.secrecy.sealing import SealBroken
from proxy_api.errors import GatewayError
from proxy_api.joining.shared import Again, End, Speaker

HEAD, FRAMES, PART, ANSWER, ERROR = b"h", b"f", b"p", b"a", b"e"  # an answer is its parts, and its own words last
LENGTH_BYTES = 4
LONGEST = 64 << 20
PART_BYTES = 256 << 10  # a write of this size is done within the time that Redis has


@dataclass(slots=True)
class Told:
    """A Speaker, as another process tells of it."""

    provider: str
    model_served: str
    credential: str
    dropped: list[str]


@dataclass(frozen=True, slots=True)
class Item:
    kind: bytes
    said: bytes = field(repr=False)


def address(call: str) -> str:
    return f"jp:{call}"


def written(slot: Slot, call: str, number: int, item: Item) -> bytes:
    """call: the leader's id; number: how many records came before."""
    sealed = slot.seal_piece(call, number, item.kind + item.said)
    return len(sealed).to_bytes(LENGTH_BYTES) + sealed


def read(slot: Slot, call: str, number: int, data: bytes) -> tuple[list[Item], int]:
    """The whole records in `data`, the first of which has this number, and how many bytes they take; the rest is the
    beginning of another one. Raises SealBroken where it is anything else."""
    items: list[Item] = []
    at = 0
    while (end := at + length_at(data, at)) <= len(data):
        plain = slot.unseal_piece(call, number + len(items), data[at + LENGTH_BYTES : end])
        items.append(Item(plain[:1], plain[1:]))
        at = end
    return items, at


def length_at(data: bytes, at: int) -> int:
    """Of the record that begins there, its length included. Raises SealBroken."""
    found = LENGTH_BYTES + int.from_bytes(data[at : at + LENGTH_BYTES])
    if found > LONGEST:
        raise SealBroken("not a record")
    return found


def head(speaker: Speaker, usage: bool) -> Item:
    said = {
        "provider": speaker.provider,
        "model_served": speaker.model_served,
        "credential": speaker.credential,
        "dropped": speaker.dropped,
    }
    return Item(HEAD, orjson.dumps({"speaker": said, "usage": usage}))


def read_head(said: bytes) -> tuple[Told, bool]:
    value = orjson.loads(said)
    return Told(**value["speaker"]), value["usage"]


def ending(end: End) -> list[Item]:
    if end.error is None:
        parts = [end.answer[at : at + PART_BYTES] for at in range(0, len(end.answer) or 1, PART_BYTES)]
        return [*(Item(PART, part) for part in parts[:-1]), Item(ANSWER, parts[-1])]
    error = end.error
    # Where the leader's server goes down, another process may begin anew.
    again = "always" if error.outcome == "shutdown" else end.again
    return [Item(ERROR, orjson.dumps({"error": error_fields(error), "again": again}))]


def error_fields(error: GatewayError) -> Mapping[str, Any]:
    names: Sequence[str] = ("message", "status", "type", "code", "param", "outcome", "headers")
    return {name: getattr(error, name) for name in names}


def read_error(said: bytes) -> tuple[GatewayError, Again]:
    value = orjson.loads(said)
    return GatewayError(**value["error"]), value["again"]
