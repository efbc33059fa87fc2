"""A running call as Redis holds it for other processes: sealed records in one string, each with its length before it.

A record is bound to its call and its number: one that was moved, dropped or repeated does not open (threat T9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from cache_admin.sealed import Slot
from keys.sealing import SealBroken
from proxy_api.errors import GatewayError
from proxy_api.joining.shared import Again, End, Speaker

HEAD, FRAMES, ANSWER, ERROR = b"h", b"f", b"a", b"e"
LENGTH_BYTES = 4


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


def read(slot: Slot, call: str, number: int, data: bytes) -> list[Item]:
    """The records in `data`, the first of which has this number. Raises SealBroken where it is anything else: Redis
    appends a record as one."""
    items: list[Item] = []
    at = 0
    while at < len(data):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(data[at:start])
        if at > len(data):
            raise SealBroken("not a record")
        plain = slot.unseal_piece(call, number + len(items), data[start:at])
        items.append(Item(plain[:1], plain[1:]))
    return items


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


def ending(end: End) -> Item:
    if end.error is None:
        return Item(ANSWER, end.answer)
    error = end.error
    # Where the leader's server goes down, another process may begin anew.
    again = "always" if error.outcome == "shutdown" else end.again
    return Item(ERROR, orjson.dumps({"error": error_fields(error), "again": again}))


def error_fields(error: GatewayError) -> Mapping[str, Any]:
    names: Sequence[str] = ("message", "status", "type", "code", "param", "outcome", "headers")
    return {name: getattr(error, name) for name in names}


def read_error(said: bytes) -> tuple[GatewayError, Again]:
    value = orjson.loads(said)
    return GatewayError(**value["error"]), value["again"]
