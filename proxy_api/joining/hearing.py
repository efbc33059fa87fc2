"""A call that another process runs, heard through Redis: a source like any other, without a provider.

The process polls while anybody here listens, and says twice a second that it does. Where Redis loses what was told, the
leader tells it anew, and what came already is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from cache_admin.sealed import Slot
from keys import redis
from keys.secrecy.sealing import SealBroken
from keys.settled import settings
from proxy_api.errors import ServerShutdown, UpstreamIncomplete
from proxy_api.joining import lease as leases
from proxy_api.joining import published
from proxy_api.joining.lease import LEASE, TICK, Holder
from proxy_api.joining.published import ANSWER, ERROR, FRAMES, HEAD, PART, Item
from proxy_api.joining.shared import End, Shared, Source, State

ASK_SECONDS = 0.5
LOOK_SECONDS = 0.5  # of silence, after which it is asked whether the leader still lives
GONE_SECONDS = 0.1  # the same once it does not
LAST_WORDS_SECONDS = 1.5  # in which a lease that Redis forgot may come back, or a last word be told
WINDOW = 512 << 10  # bytes that are read at once, unless a record is longer: Redis has 70 ms to send them
SHARE_OF_TICK = 0.0005  # seconds between two polls for each call that the process hears: a hundred take 8 % of a core


@dataclass(slots=True)
class Reading:
    """Where this process is in what is told. offset: bytes read of the present telling; number: records of it; parts:
    those of the answer, so far; skip: bytes of frames that came with an earlier telling; heard: anything came."""

    slot: Slot
    holder: Holder
    offset: int = 0
    number: int = 0
    parts: list[bytes] = field(default_factory=list)
    skip: int = 0
    heard: bool = False

    def more(self) -> list[Item]:
        """What is new. Raises RedisAway; SealBroken where it does not follow on what came before."""
        items, size, longer = self.read(WINDOW)
        if not items and longer > WINDOW:
            items, size, longer = self.read(longer)
        self.offset += size
        self.number += len(items)
        self.heard = self.heard or bool(items)
        return items

    def read(self, window: int) -> tuple[list[Item], int, int]:
        """As published.read(), of the next `window` bytes; and the length of the first record, whole or not."""
        call = self.holder.call
        data = redis.command("GETRANGE", published.address(call), self.offset, self.offset + window - 1)
        items, size = published.read(self.slot, call, self.number, data)
        return items, size, published.length_at(data, 0)

    def moved(self) -> bool:
        """Whether Redis has another telling than the one that was read. Raises RedisAway."""
        return bool(redis.command("STRLEN", published.address(self.holder.call)) != self.offset)

    def restart(self, told: int) -> None:
        """told: bytes of frames that have come so far."""
        self.offset = self.number = 0
        self.parts, self.skip = [], told

    def fresh(self, frames: bytes) -> bytes:
        """The frames but for what came with an earlier telling."""
        skipped = min(self.skip, len(frames))
        self.skip -= skipped
        return frames[skipped:]


@dataclass(slots=True)
class Patience:
    """Moments (monotonic): begun; of the next ping, the next ask, the next look at the lease; since when that is gone,
    and since when Redis is away."""

    begun: float
    ping: float
    ask: float = 0.0
    look: float = 0.0
    gone_at: float | None = None
    away_at: float | None = None

    def said(self, now: float) -> None:
        """The silence is over."""
        self.ping, self.gone_at, self.away_at = now + settings.DRAGOMAN_PING_INTERVAL, None, None


class Hearings:
    """How many calls of other processes this one hears."""

    count = 0


def heard(shared: Shared, slot: Slot, holder: Holder) -> Source:
    """The pieces of a call as its leader's process tells them."""
    now = time.monotonic()
    patience = Patience(now, now + settings.DRAGOMAN_PING_INTERVAL)
    Hearings.count += 1
    try:
        return (yield from pieces(shared, Reading(slot, holder), patience))
    finally:
        Hearings.count -= 1


def pieces(shared: Shared, reading: Reading, patience: Patience) -> Source:
    while True:
        now = time.monotonic()
        ask(shared.name, reading.holder, patience, now)
        items = news(shared, reading)
        for item in items:
            if item.kind in (ANSWER, ERROR):
                return end_of(reading, item)
            if piece := taken(shared, reading, item):
                yield piece
        if items:
            patience.said(now)
        elif (end := lost(shared, reading, patience, now)) is not None:
            return end
        else:
            yield from quiet(shared, patience, now)


def ask(name: str, holder: Holder, patience: Patience, now: float) -> None:
    if now < patience.ask or redis.away():
        return
    patience.ask = now + ASK_SECONDS
    try:
        leases.ask(name, holder)
    except redis.RedisAway:
        patience.ask = now + TICK


def news(shared: Shared, reading: Reading) -> list[Item]:
    """Nothing where Redis is away or knows another telling: then it is read anew."""
    try:
        return reading.more()
    except (redis.RedisAway, redis.ResponseError, SealBroken):
        restart(shared, reading)
        return []


def restart(shared: Shared, reading: Reading) -> None:
    reading.restart(sum(map(len, shared.pieces)))


def taken(shared: Shared, reading: Reading, item: Item) -> bytes:
    if item.kind == HEAD:
        shared.speaker, shared.usage = published.read_head(item.said)
    if item.kind == PART:
        reading.parts.append(item.said)
    return reading.fresh(item.said) if item.kind == FRAMES else b""


def end_of(reading: Reading, item: Item) -> End:
    if item.kind == ANSWER:
        return End(answer=b"".join([*reading.parts, item.said]))
    error, again = published.read_error(item.said)
    return End(error=error, again=again)


def lost(shared: Shared, reading: Reading, patience: Patience, now: float) -> End | None:
    """The end, where nothing more is to come: the leader died, or ended before it knew that anybody here listens, or
    cannot be heard. Whoever heard nothing begins anew at once; others wait for its last words, and for Redis: as long
    as a lease lives where frames have come, and else until the next look, since a second call would be paid for."""
    if reading.heard and now < patience.look:
        return None
    patience.look = now + (LOOK_SECONDS if patience.gone_at is None else GONE_SECONDS)
    try:
        if reading.moved():
            restart(shared, reading)
        holder = leases.holder_of(shared.name)
    except (redis.RedisAway, redis.ResponseError):
        patience.away_at = patience.away_at or now
        return cut_off() if now - patience.away_at >= (LEASE if shared.pieces else LOOK_SECONDS) else None
    patience.away_at = None
    if holder == reading.holder:
        patience.gone_at = None
        return None if reading.heard or now - patience.begun < LEASE else cut_off()
    patience.gone_at = patience.gone_at or now
    if now - patience.gone_at < (LAST_WORDS_SECONDS if reading.heard else 0):
        return None
    return cut_off()


def cut_off() -> End:
    if State.draining:
        return End(error=ServerShutdown("The server is shutting down."))
    return End(error=UpstreamIncomplete("The call that this one had joined was cut off."), again="always")


def quiet(shared: Shared, patience: Patience, now: float) -> Iterator[None]:
    """Wait for the next poll. Raises ClientGone, ServerShutdown."""
    audience = shared.audience
    if audience.driven and not audience.begun:
        audience.begin()
    if audience.gone if audience.driven else audience.check():
        raise audience.parting()
    if State.ended:
        raise ServerShutdown("The server is shutting down.")
    if now >= patience.ping:
        patience.ping = now + settings.DRAGOMAN_PING_INTERVAL
        yield None
    time.sleep(max(TICK, Hearings.count * SHARE_OF_TICK))
